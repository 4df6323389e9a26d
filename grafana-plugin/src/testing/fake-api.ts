import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import {
  PROBLEMS,
  PROBLEM_TYPE_BASE,
  bulkLifecycleSchema,
  campaignActionSchema,
  campaignCreateSchema,
  deviceLabelsSchema,
  deviceViewSchema,
  lifecycleChangeSchema,
  withdrawalSchema,
  type CampaignEvent,
  type CampaignStatus,
  type CampaignView,
  type DeviceDetail,
  type ProblemCode,
} from '@flotilla/contracts';
import { lifecycleOf, logsOf, resourcesOf } from './fake-device-parts.ts';
import type { FakeFleet } from './fake-fleet.ts';
import { campaignOf, planOf } from './fake-plan.ts';
import { summaryOf, worstFirst } from './fake-summary.ts';

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
  const serveApi = async (request: IncomingMessage, response: ServerResponse, url: URL) => {
    const path = url.pathname;
    const method = request.method ?? 'GET';
    calls.push(`${method} ${path}`);
    const body = await readBody(request);
    const allowed = request.headers.authorization === `Bearer ${options.token}`;
    send(
      response,
      allowed
        ? answerApi(api.fleet, method, url, body)
        : problem('unauthenticated', 'the token is not known'),
    );
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake');
    const served = url.pathname.startsWith('/api/')
      ? serveApi(request, response, url)
      : serveConsole(options.consoleDir, url.pathname, response);
    served.catch((error: unknown) => send(response, problem('internal', String(error))));
  });
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

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function problem(code: ProblemCode, detail: string): Answer {
  const { status, title } = PROBLEMS[code];
  return { status, body: { type: `${PROBLEM_TYPE_BASE}${code}`, title, status, detail, code } };
}

function found(value: unknown): Answer {
  return value === undefined
    ? problem('not_found', 'nothing has this id')
    : { status: 200, body: value };
}

function answerApi(fleet: FakeFleet, method: string, url: URL, body: string): Answer {
  const [, , , kind = '', id = '', part = '', ...rest] = url.pathname.split('/');
  if (rest.length > 0) return problem('not_found', `no ${url.pathname}`);
  const route = `${method} ${kind}${id === '' ? '' : '/id'}${part === '' ? '' : `/${part}`}`;
  const device = fleet.devices.find((candidate) => candidate.id === id);
  const campaign = fleet.campaigns.find((candidate) => candidate.id === id);
  if (kind === 'devices') return answerDevices(fleet, route, { url, body, id, device });
  if (kind === 'campaigns' && method === 'POST') {
    if (id === 'dry-run' || id === '') return answerCreation(fleet, id === '', body);
    return campaign === undefined ? found(undefined) : act(fleet, campaign, part, body);
  }
  switch (route) {
    case 'GET status/id':
    case 'GET status':
      return found({ version: '0.1.0', uptimeSeconds: 60 });
    case 'GET fleet/id':
      return id === 'summary'
        ? found(summaryOf(fleet.devices, new Date().toISOString()))
        : found({ items: ofStatus(fleet, url.searchParams) });
    case 'GET campaigns':
      return found({ items: fleet.campaigns });
    case 'GET campaigns/id':
      return found(campaign);
    case 'GET campaigns/id/events':
      return found(campaign && { items: fleet.events.get(campaign.id) ?? [] });
    case 'GET firmware':
      return found({ items: fleet.firmware });
    case 'PUT firmware/id/withdrawal':
      return withdraw(fleet, id, body);
    case 'GET tuf':
      return found(fleet.trust);
    case 'GET provisioning/id':
      return found({ items: fleet.provisioning[id] ?? [] });
    default:
      return problem('not_found', `no ${url.pathname}`);
  }
}

interface DeviceCall {
  readonly url: URL;
  readonly body: string;
  readonly id: string;
  readonly device: DeviceDetail | undefined;
}

function answerDevices(fleet: FakeFleet, route: string, call: DeviceCall): Answer {
  const { url, body, id, device } = call;
  if (route === 'GET devices') return found(devicePage(fleet, url.searchParams));
  if (route === 'POST devices/id' && id === 'bulk-lifecycle') return bulkLifecycle(fleet, body);
  if (device === undefined) return problem('not_found', `no device ${id}`);
  const reasons = fleet.lifecycleReasons.get(id) ?? [];
  switch (route) {
    case 'GET devices/id':
      return found(device);
    case 'GET devices/id/lifecycle':
      return found(lifecycleOf(device, reasons));
    case 'POST devices/id/lifecycle': {
      const change = lifecycleChangeSchema.parse(JSON.parse(body));
      device.lifecycle = change.to;
      fleet.lifecycleReasons.set(id, [...reasons, change.reason]);
      return found(lifecycleOf(device, [...reasons, change.reason]));
    }
    case 'GET devices/id/labels':
      return found({ labels: fleet.labels.get(id) ?? {} });
    case 'PUT devices/id/labels': {
      const { labels } = deviceLabelsSchema.parse(JSON.parse(body));
      fleet.labels.set(id, labels);
      return found({ labels });
    }
    case 'GET devices/id/resources':
      return found(resourcesOf(id, Date.now(), Number(url.searchParams.get('hours'))));
    case 'GET devices/id/logs':
      return found(logsOf(Date.now(), Number(url.searchParams.get('minSeverity') ?? 0)));
    default:
      return problem('not_found', `no ${url.pathname}`);
  }
}

function bulkLifecycle(fleet: FakeFleet, body: string): Answer {
  const { to, deviceIds = [] } = bulkLifecycleSchema.parse(JSON.parse(body));
  const devices = fleet.devices.filter(({ id }) => deviceIds.includes(id));
  const changed = devices.filter(({ lifecycle }) => lifecycle !== to);
  for (const device of changed) device.lifecycle = to;
  const unchanged = devices.length - changed.length;
  return found({ changed: changed.length, unchanged, refusedCount: 0, refused: [] });
}

function ofStatus(fleet: FakeFleet, query: URLSearchParams) {
  const offset = Number(query.get('offset') ?? 0);
  return worstFirst(fleet.devices)
    .filter(({ health }) => (health?.status ?? 'unknown') === query.get('status'))
    .slice(offset, offset + Number(query.get('limit') ?? 100));
}

function answerCreation(fleet: FakeFleet, isReal: boolean, body: string): Answer {
  const parsed = campaignCreateSchema.safeParse(JSON.parse(body));
  if (!parsed.success) return problem('validation_failed', parsed.error.message);
  if (!isReal) return found(planOf(fleet, parsed.data) ?? undefined);
  const campaign = campaignOf(fleet, parsed.data, new Date().toISOString());
  if (campaign === null) return problem('not_found', 'no such firmware');
  fleet.campaigns.push(campaign);
  return { status: 201, body: campaign };
}

function withdraw(fleet: FakeFleet, id: string, body: string): Answer {
  const firmware = fleet.firmware.find((candidate) => candidate.id === id);
  if (firmware === undefined) return found(undefined);
  firmware.state = 'withdrawn';
  firmware.withdrawalReason = withdrawalSchema.parse(JSON.parse(body)).reason;
  firmware.withdrawnAt = new Date().toISOString();
  return found(firmware);
}

/** Pages by id, as the service does: `limit`, and `cursor` from the page before. */
function devicePage(fleet: FakeFleet, query: URLSearchParams) {
  const limit = Number(query.get('limit') ?? 100);
  const after = Buffer.from(query.get('cursor') ?? '', 'base64url').toString('utf8');
  const rest = [...fleet.devices]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ id }) => id > after)
    .filter(({ id }) => id.includes(query.get('q') ?? ''))
    .filter(({ group }) => group === (query.get('group') ?? group))
    .filter(({ lifecycle }) => lifecycle === (query.get('lifecycle') ?? lifecycle));
  const page = rest.slice(0, limit);
  const last = rest.length > page.length ? page.at(-1) : undefined;
  return {
    items: page.map((device) => deviceViewSchema.parse(device)),
    nextCursor: last === undefined ? null : Buffer.from(last.id).toString('base64url'),
  };
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

function act(fleet: FakeFleet, campaign: CampaignView, action: string, body: string): Answer {
  const transition = TRANSITIONS[action];
  if (transition === undefined) return problem('not_found', `no action ${action}`);
  const parsed = campaignActionSchema.safeParse(JSON.parse(body));
  if (!parsed.success) return problem('validation_failed', parsed.error.message);
  if (!transition.from.includes(campaign.status)) {
    return problem('conflict', `cannot ${action} a campaign that is ${campaign.status}`);
  }
  const at = new Date().toISOString();
  campaign.status = transition.to;
  campaign.updatedAt = at;
  if (action === 'resume') campaign.round += 1;
  const events = fleet.events.get(campaign.id) ?? [];
  const { reason } = parsed.data;
  const event = { at, event: transition.event, actor: 'operator', reason, evidence: null };
  fleet.events.set(campaign.id, [event, ...events]);
  return found(campaign);
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
};

/** Everything that is not a file of the build is a client route and gets the page. */
async function serveConsole(dir: string, path: string, response: ServerResponse): Promise<void> {
  // `URL` has already resolved dot segments (RFC 3986, 5.2.4), so the path stays below the folder.
  const isFile = path.startsWith('/assets/') || path === '/favicon.svg';
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

function send(response: ServerResponse, { status, body }: Answer): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type });
  response.end(JSON.stringify(body));
}
