import {
  campaignEventSchema,
  campaignViewSchema,
  deviceDetailSchema,
  deviceViewSchema,
  firmwareViewSchema,
  listOf,
  problemSchema,
  type CampaignEvent,
  type CampaignView,
  type DeviceDetail,
  type FirmwareView,
  type ListOf,
} from '@flotilla/contracts';
import type { Access } from '../host/host.ts';
import { DEVICE_PAGE_SIZE, allDevices, type DevicePage, type FleetAnswer } from './all-devices.ts';
import type { ApiResult } from './api-failure.ts';

export type CampaignActionName = 'pause' | 'resume' | 'abort';

/** The REST surface the pages use. A call never rejects, except by its own abort signal. */
export interface ApiClient {
  devices(signal?: AbortSignal): Promise<ApiResult<FleetAnswer>>;
  device(id: string, signal?: AbortSignal): Promise<ApiResult<DeviceDetail>>;
  campaigns(signal?: AbortSignal): Promise<ApiResult<ListOf<CampaignView>>>;
  campaign(id: string, signal?: AbortSignal): Promise<ApiResult<CampaignView>>;
  campaignEvents(id: string, signal?: AbortSignal): Promise<ApiResult<ListOf<CampaignEvent>>>;
  firmware(signal?: AbortSignal): Promise<ApiResult<ListOf<FirmwareView>>>;
  act(id: string, action: CampaignActionName, reason: string): Promise<ApiResult<null>>;
}

export interface ApiClientOptions {
  readonly apiBase: string;
  readonly access: Pick<Access, 'authorization' | 'signOut'>;
  readonly fetch: typeof fetch;
  /** A call without an answer for this long counts as unreachable. */
  readonly timeoutMs?: number;
}

/** The one thing this file needs of a zod schema. */
interface Reader<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: PropertyKey[]; message: string }[] } };
}

const DEFAULT_TIMEOUT_MS = 10_000;

// The cursor is a field beside the items, which the contract's list leaves open.
const looseDeviceList = listOf(deviceViewSchema).loose();
type LooseDeviceList = ReturnType<typeof looseDeviceList.parse>;

function asPage(result: ApiResult<LooseDeviceList>): ApiResult<DevicePage> {
  if (!result.ok) return result;
  const { items, nextCursor } = result.value;
  return {
    ok: true,
    value: { items, nextCursor: typeof nextCursor === 'string' ? nextCursor : null },
  };
}

export function createApiClient(options: ApiClientOptions): ApiClient {
  const get = <T>(path: string, schema: Reader<T>, signal?: AbortSignal) =>
    call(options, path, { method: 'GET' }, schema, signal);
  const campaign = (id: string) => `/api/v1/campaigns/${encodeURIComponent(id)}`;
  return {
    devices: (signal) =>
      allDevices(async (cursor) => {
        const query = new URLSearchParams({
          limit: String(DEVICE_PAGE_SIZE),
          ...(cursor !== null && { cursor }),
        });
        return asPage(await get(`/api/v1/devices?${query}`, looseDeviceList, signal));
      }),
    device: (id, signal) =>
      get(`/api/v1/devices/${encodeURIComponent(id)}`, deviceDetailSchema, signal),
    campaigns: (signal) => get('/api/v1/campaigns', listOf(campaignViewSchema), signal),
    campaign: (id, signal) => get(campaign(id), campaignViewSchema, signal),
    campaignEvents: (id, signal) =>
      get(`${campaign(id)}/events`, listOf(campaignEventSchema), signal),
    firmware: (signal) => get('/api/v1/firmware', listOf(firmwareViewSchema), signal),
    act: (id, action, reason) =>
      call(
        options,
        `${campaign(id)}/${action}`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ reason }),
        },
        null,
      ),
  };
}

interface CallInit {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function call<T>(
  options: ApiClientOptions,
  path: string,
  init: CallInit,
  schema: Reader<T> | null,
  signal?: AbortSignal,
): Promise<ApiResult<T>> {
  const authorization = options.access.authorization();
  const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await options.fetch(options.apiBase + path, {
      ...init,
      headers: {
        accept: 'application/json, application/problem+json',
        ...init.headers,
        ...(authorization !== null && { authorization }),
      },
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return unreachable(error);
  }
  // Another call may have signed in anew meanwhile; only the token that was refused is dropped.
  if (response.status === 401 && options.access.authorization() === authorization) {
    options.access.signOut('refused');
  }
  const body = parseJson(text);
  if (!response.ok) return { ok: false, failure: refusal(response, body) };
  // The answer to an action is the campaign, which the next poll brings anyway.
  if (schema === null) return { ok: true, value: null as T };
  const parsed = schema.safeParse(body);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  const where =
    issue === undefined ? '' : `: /${issue.path.map(String).join('/')} ${issue.message}`;
  return unreadable(`${path} answered outside of its contract${where}`);
}

function refusal(response: Response, body: unknown) {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    return unreadable(`The server answered ${response.status} without saying why.`).failure;
  }
  const problem = parsed.data;
  const fields = problem.errors?.map((e) => `${e.pointer} ${e.detail}`).join('; ');
  const detail = problem.detail ?? fields ?? '';
  return { kind: 'problem', title: problem.title, detail, problem } as const;
}

function unreachable(error: unknown) {
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  return {
    ok: false,
    failure: {
      kind: 'unreachable',
      title: 'The server does not answer',
      detail: timedOut ? 'The request took too long.' : 'The connection failed.',
    },
  } as const;
}

function unreadable(detail: string) {
  return {
    ok: false,
    failure: { kind: 'unreadable', title: 'The answer could not be read', detail },
  } as const;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Left to the schema, which says what is missing.
    return undefined;
  }
}
