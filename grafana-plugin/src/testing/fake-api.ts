import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import {
  PROBLEMS,
  PROBLEM_TYPE_BASE,
  campaignActionSchema,
  type CampaignEvent,
  type CampaignStatus,
  type CampaignView,
  type ProblemCode,
} from '@flotilla/contracts';
import type { FakeFleet } from './fake-fleet.ts';

export interface FakeApiOptions {
  /** The bearer token that is accepted. */
  readonly token: string;
  /** A folder that `buildConsole` wrote. */
  readonly consoleDir: string;
  readonly fleet: FakeFleet;
  /** 0 lets the system choose. */
  readonly port?: number;
}

export interface FakeApi {
  readonly url: string;
  readonly port: number;
  /** What the next answers are made of. */
  fleet: FakeFleet;
  /** Paths of the API calls so far, oldest first. */
  readonly calls: readonly string[];
  /** Stops answering at once, open connections included. */
  stop(): Promise<void>;
}

/**
 * The operator's REST surface in memory, with the console at `/`, under the Content-Security-Policy
 * that ota-service sends. Refuses what the real service refuses: wrong token, unknown id, a body
 * outside the contract, a transition that the status does not allow.
 */
export async function startFakeApi(options: FakeApiOptions): Promise<FakeApi> {
  const calls: string[] = [];
  const api = { fleet: options.fleet };
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://fake').pathname;
    const answer = path.startsWith('/api/')
      ? answerApi(path, request, response)
      : answerConsole(options.consoleDir, path, response);
    answer.catch((error: unknown) => sendProblem(response, 'internal', String(error)));
  });
  const answerApi = async (path: string, request: IncomingMessage, response: ServerResponse) => {
    calls.push(`${request.method ?? ''} ${path}`);
    if (request.headers.authorization !== `Bearer ${options.token}`) {
      sendProblem(response, 'unauthenticated', 'the token is not known');
      return;
    }
    const body = await readBody(request);
    route(api.fleet, request.method ?? 'GET', path, body, response);
  };
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fake API has no port');
  return Object.assign(api, {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    calls,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function route(
  fleet: FakeFleet,
  method: string,
  path: string,
  body: string,
  response: ServerResponse,
): void {
  const [, , , kind, id, part, ...rest] = path.split('/');
  const known = (found: unknown) =>
    found === undefined
      ? sendProblem(response, 'not_found', `no ${path}`)
      : sendJson(response, 200, found);
  if (rest.length > 0) return known(undefined);
  const campaign = fleet.campaigns.find((candidate) => candidate.id === id);
  if (method === 'POST' && kind === 'campaigns' && campaign !== undefined) {
    return act(fleet, campaign, part ?? '', body, response);
  }
  if (method !== 'GET') return sendProblem(response, 'method_not_allowed', `${method} ${path}`);
  if (kind === 'devices' && id === undefined) {
    return known({ items: fleet.devices.map(({ updates: _updates, ...device }) => device) });
  }
  if (kind === 'devices' && part === undefined) {
    return known(fleet.devices.find((device) => device.id === id));
  }
  if (kind === 'campaigns' && id === undefined) return known({ items: fleet.campaigns });
  if (kind === 'campaigns' && part === undefined) return known(campaign);
  if (kind === 'campaigns' && part === 'events' && campaign !== undefined) {
    return known({ items: fleet.events.get(campaign.id) ?? [] });
  }
  if (kind === 'firmware' && id === undefined) return known({ items: fleet.firmware });
  return known(undefined);
}

interface Transition {
  readonly from: readonly CampaignStatus[];
  readonly to: CampaignStatus;
  readonly event: CampaignEvent['event'];
}

const TRANSITIONS: Readonly<Record<string, Transition>> = {
  pause: { from: ['running'], to: 'paused', event: 'paused' },
  resume: { from: ['paused'], to: 'running', event: 'resumed' },
  abort: { from: ['running', 'paused'], to: 'aborted', event: 'aborted' },
};

function act(
  fleet: FakeFleet,
  campaign: CampaignView,
  action: string,
  body: string,
  response: ServerResponse,
): void {
  const transition = TRANSITIONS[action];
  if (transition === undefined) return sendProblem(response, 'not_found', `no action ${action}`);
  const parsed = campaignActionSchema.safeParse(JSON.parse(body));
  if (!parsed.success) return sendProblem(response, 'validation_failed', parsed.error.message);
  if (!transition.from.includes(campaign.status)) {
    return sendProblem(
      response,
      'conflict',
      `cannot ${action} a campaign that is ${campaign.status}`,
    );
  }
  const at = new Date().toISOString();
  const { reason } = parsed.data;
  campaign.status = transition.to;
  campaign.updatedAt = at;
  if (action === 'resume') campaign.round += 1;
  const events = fleet.events.get(campaign.id) ?? [];
  const event = { at, event: transition.event, actor: 'operator', reason, evidence: null };
  fleet.events.set(campaign.id, [event, ...events]);
  sendJson(response, 200, campaign);
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
};

/** A path without an extension is a client route, except that device ids may hold dots. */
async function answerConsole(dir: string, path: string, response: ServerResponse): Promise<void> {
  const isFile = path.startsWith('/assets/') || path === '/favicon.svg';
  if (isFile && path.includes('..')) return sendProblem(response, 'not_found', path);
  const file = join(dir, isFile ? path : 'index.html');
  const content = await readFile(file);
  response.writeHead(200, {
    'content-type': CONTENT_TYPES[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'",
  });
  response.end(content);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendProblem(response: ServerResponse, code: ProblemCode, detail: string): void {
  const { status, title } = PROBLEMS[code];
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(
    JSON.stringify({ type: `${PROBLEM_TYPE_BASE}${code}`, title, status, detail, code }),
  );
}
