import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { buildHostPage } from './build-host-page.ts';
import { actionsOf, pluginMetadataSchema, type OrgRole } from './plugin-metadata.ts';
import { proxyRequest, type ProxiedRequest } from './plugin-proxy.ts';
import { PluginSettingsStore } from './plugin-settings.ts';

export interface GrafanaHostOptions {
  /** A built plugin, with its `plugin.json`. */
  readonly pluginDir: string;
  readonly role: OrgRole;
  readonly theme?: 'light' | 'dark';
}

export interface GrafanaHost {
  readonly url: string;
  /** Who is signed in from the next request on. */
  role: OrgRole;
  theme: 'light' | 'dark';
  readonly settings: PluginSettingsStore;
  /** What went through the plugin proxy so far, oldest first. */
  readonly proxied: readonly ProxiedRequest[];
  stop(): Promise<void>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/**
 * A page that loads an app plugin the way Grafana 12 does, and the server side the plugin counts on: its
 * files, its settings, the plugin proxy with its routes and roles, and Grafana's Content-Security-Policy.
 * Not Grafana: no login, one organisation, one plugin.
 */
export async function startGrafanaHost(options: GrafanaHostOptions): Promise<GrafanaHost> {
  const metadata = pluginMetadataSchema.parse(
    JSON.parse(await readFile(join(options.pluginDir, 'plugin.json'), 'utf8')),
  );
  const page = await buildHostPage();
  const proxied: ProxiedRequest[] = [];
  const settings = new PluginSettingsStore();
  const state = { role: options.role, theme: options.theme ?? 'dark' };
  const { id } = metadata;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://grafana');
    const path = url.pathname;
    const actions = actionsOf(metadata, state.role);
    if (path.startsWith(`/api/plugin-proxy/${id}/`)) {
      const entry = { method: request.method ?? 'GET', path, status: 0 };
      proxied.push(entry);
      entry.status = await proxyRequest(metadata, settings, actions, { request, response, url });
    } else if (path === `/api/plugins/${id}/settings`) {
      if (request.method === 'POST' && !actions.has('plugins:write')) {
        json(response, 403, { message: 'Access denied' });
        return;
      }
      if (request.method === 'POST') settings.save(JSON.parse(await readBody(request)));
      json(response, 200, settings.meta(id));
    } else if (path === '/public/build/host.js') {
      send(response, '.js', page.script);
    } else if (path.startsWith(`/public/plugins/${id}/`)) {
      // `URL` has resolved dot segments (RFC 3986, 5.2.4), so the path stays below the folder.
      const file = join(options.pluginDir, path.slice(`/public/plugins/${id}/`.length));
      send(response, extname(file), await readFile(file));
    } else if (path.startsWith(`/a/${id}`) || path === `/plugins/${id}`) {
      sendPage(response, { metadata, permissions: [...actions], theme: state.theme, settings });
    } else json(response, 404, { message: 'Not found' });
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (!response.headersSent) json(response, 500, { message: String(error) });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the host has no port');
  return Object.assign(state, {
    url: `http://127.0.0.1:${address.port}`,
    settings,
    proxied,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

interface PageData {
  readonly metadata: ReturnType<typeof pluginMetadataSchema.parse>;
  readonly permissions: readonly string[];
  readonly theme: 'light' | 'dark';
  readonly settings: PluginSettingsStore;
}

function sendPage(response: ServerResponse, data: PageData): void {
  const { metadata, permissions, theme, settings } = data;
  const nonce = randomBytes(16).toString('base64url');
  const visible = metadata.includes.filter(
    ({ type, action, addToNav }) =>
      type === 'page' &&
      addToNav === true &&
      (action === undefined || permissions.includes(action)),
  );
  const boot = {
    id: metadata.id,
    theme,
    permissions: Object.fromEntries(permissions.map((action) => [action, true])),
    nav: visible.map(({ name, path }) => ({ name, path })),
    meta: settings.meta(metadata.id),
  };
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    // The directives of Grafana's own template that scripts and styles meet.
    'content-security-policy': `script-src 'self' 'unsafe-eval' 'unsafe-inline' 'strict-dynamic' 'nonce-${nonce}'; object-src 'none'; style-src 'self' 'unsafe-inline' blob:; base-uri 'self'; connect-src 'self'; form-action 'self'`,
  });
  response.end(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Grafana</title><link rel="icon" href="data:,"></head>
<body><div id="reactRoot"></div>
<script nonce="${nonce}">window.grafanaBootData=${JSON.stringify(boot).replaceAll('<', '\\u003c')}</script>
<script nonce="${nonce}" src="/public/build/host.js"></script></body></html>`);
}

function send(response: ServerResponse, extension: string, content: string | Buffer): void {
  response.writeHead(200, {
    'content-type': CONTENT_TYPES[extension] ?? 'application/octet-stream',
  });
  response.end(content);
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
