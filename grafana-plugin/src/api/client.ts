import {
  bulkLifecycleResultSchema,
  campaignEventSchema,
  campaignPlanSchema,
  campaignViewSchema,
  deviceDetailSchema,
  deviceLabelsSchema,
  deviceLifecycleSchema,
  deviceLogsSchema,
  deviceResourcesSchema,
  deviceViewSchema,
  firmwareViewSchema,
  fleetSummarySchema,
  listOf,
  pageOf,
  trustViewSchema,
  type BulkLifecycle,
  type BulkLifecycleResult,
  type CampaignActionName,
  type CampaignCreateInput,
  type CampaignEvent,
  type CampaignPlan,
  type CampaignView,
  type DeviceDetail,
  type DeviceLabels,
  type DeviceLifecycle,
  type DeviceLogs,
  type DeviceResources,
  type DeviceView,
  type FirmwareView,
  type FleetSummary,
  type HealthStatus,
  type Labels,
  type LifecycleChange,
  type LifecycleState,
  type ListOf,
  type TrustView,
} from '@flotilla/contracts';
import type { ApiResult } from './api-failure.ts';
import {
  call,
  change,
  jsonBody,
  type ApiClientOptions,
  type CallInit,
  type Reader,
} from './http-call.ts';

export type { ApiClientOptions } from './http-call.ts';

/** The newest page of the registry that fits; `nextCursor` is null on the last. */
export interface DevicePage {
  readonly items: readonly DeviceView[];
  readonly nextCursor: string | null;
}

export interface DeviceQuery {
  readonly q?: string | undefined;
  readonly group?: string | undefined;
  readonly model?: string | undefined;
  readonly lifecycle?: LifecycleState | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** The REST surface the pages use. A call never rejects, except by its own abort signal. */
export interface ApiClient {
  fleetSummary(signal?: AbortSignal): Promise<ApiResult<FleetSummary>>;
  devices(query: DeviceQuery, signal?: AbortSignal): Promise<ApiResult<DevicePage>>;
  devicesOfStatus(
    query: { readonly status: HealthStatus; readonly limit: number; readonly offset: number },
    signal?: AbortSignal,
  ): Promise<ApiResult<ListOf<DeviceView>>>;
  device(id: string, signal?: AbortSignal): Promise<ApiResult<DeviceDetail>>;
  deviceLifecycle(id: string, signal?: AbortSignal): Promise<ApiResult<DeviceLifecycle>>;
  deviceLabels(id: string, signal?: AbortSignal): Promise<ApiResult<DeviceLabels>>;
  deviceResources(
    id: string,
    hours: number,
    signal?: AbortSignal,
  ): Promise<ApiResult<DeviceResources>>;
  deviceLogs(id: string, minSeverity: number, signal?: AbortSignal): Promise<ApiResult<DeviceLogs>>;
  setLabels(id: string, labels: Labels): Promise<ApiResult<DeviceLabels>>;
  changeLifecycle(id: string, change: LifecycleChange): Promise<ApiResult<null>>;
  bulkLifecycle(change: BulkLifecycle): Promise<ApiResult<BulkLifecycleResult>>;
  campaigns(signal?: AbortSignal): Promise<ApiResult<ListOf<CampaignView>>>;
  campaign(id: string, signal?: AbortSignal): Promise<ApiResult<CampaignView>>;
  campaignEvents(id: string, signal?: AbortSignal): Promise<ApiResult<ListOf<CampaignEvent>>>;
  dryRun(campaign: CampaignCreateInput, signal?: AbortSignal): Promise<ApiResult<CampaignPlan>>;
  createCampaign(campaign: CampaignCreateInput): Promise<ApiResult<CampaignView>>;
  act(id: string, action: CampaignActionName, reason: string): Promise<ApiResult<null>>;
  firmware(signal?: AbortSignal): Promise<ApiResult<ListOf<FirmwareView>>>;
  withdrawFirmware(id: string, reason: string): Promise<ApiResult<null>>;
  deleteDraft(id: string): Promise<ApiResult<null>>;
  trust(signal?: AbortSignal): Promise<ApiResult<TrustView>>;
}

/** A dry run asks for every device of a fleet. */
const PLAN_TIMEOUT_MS = 60_000;

export function createApiClient(options: ApiClientOptions): ApiClient {
  const get = <T>(path: string, schema: Reader<T>, signal?: AbortSignal) =>
    call(options, `/api/v1${path}`, { method: 'GET' }, schema, signal);
  const tell = (method: CallInit['method'], path: string, body: unknown) =>
    change(options, `/api/v1${path}`, { method, ...jsonBody(body) });
  const ask = <T>(method: CallInit['method'], path: string, body: unknown, schema: Reader<T>) =>
    call(options, `/api/v1${path}`, { method, ...jsonBody(body) }, schema);
  const campaign = (id: string) => `/campaigns/${encodeURIComponent(id)}`;
  const device = (id: string) => `/devices/${encodeURIComponent(id)}`;
  const firmware = (id: string) => `/firmware/${encodeURIComponent(id)}`;
  return {
    fleetSummary: (signal) => get('/fleet/summary', fleetSummarySchema, signal),
    devices: (query, signal) =>
      get(`/devices?${queryOf({ ...query })}`, pageOf(deviceViewSchema), signal),
    devicesOfStatus: (query, signal) =>
      get(`/fleet/devices?${queryOf({ ...query })}`, listOf(deviceViewSchema), signal),
    device: (id, signal) => get(device(id), deviceDetailSchema, signal),
    deviceLifecycle: (id, signal) => get(`${device(id)}/lifecycle`, deviceLifecycleSchema, signal),
    deviceLabels: (id, signal) => get(`${device(id)}/labels`, deviceLabelsSchema, signal),
    deviceResources: (id, hours, signal) =>
      get(`${device(id)}/resources?hours=${hours}`, deviceResourcesSchema, signal),
    deviceLogs: (id, minSeverity, signal) =>
      get(`${device(id)}/logs?limit=100&minSeverity=${minSeverity}`, deviceLogsSchema, signal),
    setLabels: (id, labels) => ask('PUT', `${device(id)}/labels`, { labels }, deviceLabelsSchema),
    changeLifecycle: (id, body) => tell('POST', `${device(id)}/lifecycle`, body),
    bulkLifecycle: (body) =>
      ask('POST', '/devices/bulk-lifecycle', body, bulkLifecycleResultSchema),
    campaigns: (signal) => get('/campaigns', listOf(campaignViewSchema), signal),
    campaign: (id, signal) => get(campaign(id), campaignViewSchema, signal),
    campaignEvents: (id, signal) =>
      get(`${campaign(id)}/events`, listOf(campaignEventSchema), signal),
    dryRun: (body, signal) =>
      call(
        { ...options, timeoutMs: PLAN_TIMEOUT_MS },
        '/api/v1/campaigns/dry-run',
        { method: 'POST', ...jsonBody(body) },
        campaignPlanSchema,
        signal,
      ),
    createCampaign: (body) => ask('POST', '/campaigns', body, campaignViewSchema),
    act: (id, action, reason) => tell('POST', `${campaign(id)}/${action}`, { reason }),
    firmware: (signal) => get('/firmware', listOf(firmwareViewSchema), signal),
    withdrawFirmware: (id, reason) => tell('PUT', `${firmware(id)}/withdrawal`, { reason }),
    deleteDraft: (id) => change(options, `/api/v1${firmware(id)}`, { method: 'DELETE' }),
    trust: (signal) => get('/tuf', trustViewSchema, signal),
  };
}

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [[key, String(value)]],
  );
  return new URLSearchParams(given).toString();
}
