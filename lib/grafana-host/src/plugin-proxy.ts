import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { PluginMetadata } from './plugin-metadata.ts';
import { findRoute, interpolate } from './plugin-routes.ts';
import type { PluginSettingsStore } from './plugin-settings.ts';

/** What Grafana takes away before it passes a request on. */
const DROPPED = ['cookie', 'host', 'origin', 'referer', 'connection', 'authorization'];

export interface ProxiedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** Passes a request of the browser on by the rules of `plugin.json`, or answers with the refusal. */
export async function proxyRequest(
  metadata: PluginMetadata,
  settings: PluginSettingsStore,
  actions: ReadonlySet<string>,
  { request, response, url }: { request: IncomingMessage; response: ServerResponse; url: URL },
): Promise<number> {
  const path = url.pathname.slice(`/api/plugin-proxy/${metadata.id}/`.length);
  const found = findRoute(metadata.routes, request.method ?? 'GET', path, actions);
  if (found === null) return refuse(response, 404, 'plugin route match not found');
  if (!found.isAllowed) return refuse(response, 403, 'plugin proxy route access denied');
  const data = { JsonData: settings.jsonData(), SecureJsonData: settings.secrets() };
  let target: URL;
  let headers: Record<string, string>;
  try {
    const base = interpolate(found.route.url, data);
    target = new URL(found.rest === '' ? base : `${base.replace(/\/$/, '')}/${found.rest}`);
    target.search = url.search;
    headers = Object.fromEntries(
      found.route.headers.map(({ name, content }) => [
        name.toLowerCase(),
        interpolate(content, data),
      ]),
    );
  } catch (error) {
    return refuse(response, 500, `Failed to render plugin route: ${String(error)}`);
  }
  const kept = Object.entries(request.headers).filter(([name]) => !DROPPED.includes(name));
  return forward(request, response, target, { ...Object.fromEntries(kept), ...headers });
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  target: URL,
  headers: Record<string, string | string[] | undefined>,
): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = httpRequest(target, { method: request.method, headers }, (answer) => {
      const status = answer.statusCode ?? 502;
      response.writeHead(status, { ...answer.headers, 'content-security-policy': 'sandbox' });
      answer.pipe(response);
      answer.on('close', () => resolve(status));
    });
    outgoing.on('error', (error) => {
      resolve(response.headersSent ? 502 : refuse(response, 502, `upstream: ${error.message}`));
      response.destroy();
    });
    response.on('close', () => outgoing.destroy());
    request.pipe(outgoing);
  });
}

function refuse(response: ServerResponse, status: number, message: string): number {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ message }));
  return status;
}
