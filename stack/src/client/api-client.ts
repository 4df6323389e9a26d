import {
  campaignEventSchema,
  campaignPlanSchema,
  campaignViewSchema,
  deviceCreatedSchema,
  deviceDetailSchema,
  deviceLabelsSchema,
  deviceLifecycleSchema,
  deviceViewSchema,
  firmwareViewSchema,
  listOf,
  pageOf,
  problemSchema,
  trustViewSchema,
  type CampaignActionName,
  type CampaignCreateInput,
  type CampaignEvent,
  type CampaignPlan,
  type CampaignView,
  type DeviceCreate,
  type DeviceCreated,
  type DeviceDetail,
  type DeviceLabels,
  type DeviceLifecycle,
  type DeviceView,
  type FirmwareFormat,
  type FirmwareView,
  type Labels,
  type LifecycleChange,
  type OfflineRole,
  type Problem,
  type TrustView,
  type TufDocument,
} from '@flotilla/contracts';
import type { z } from 'zod';

/** An answer of ota-service that is a problem document. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.title}: ${problem.detail ?? ''}`);
    this.problem = problem;
  }
}

/** What goes with an artifact beside its model and version, as the query has it. */
export type UploadRules = Readonly<
  Partial<Record<'minimumVersion' | 'hardwareRevisions' | 'allowDowngrade', string>>
>;

/** Which devices; all when nothing is given. */
export interface DeviceFilter {
  readonly model?: string | undefined;
  readonly group?: string | undefined;
  readonly lifecycle?: string | undefined;
}

export interface DevicePage {
  readonly items: DeviceView[];
  readonly nextCursor: string | null;
}

/** ota-service's operator API, with every answer checked against its contract. */
export class ApiClient {
  readonly #baseUrl: string;
  readonly #token: string;

  constructor(baseUrl: string, token: string) {
    this.#baseUrl = baseUrl.replace(/\/$/, '');
    this.#token = token;
  }

  createDevice(device: DeviceCreate): Promise<DeviceCreated> {
    return this.#call(deviceCreatedSchema, 'POST', '/devices', device);
  }

  devicePage(filter: DeviceFilter & { limit: number; cursor?: string }): Promise<DevicePage> {
    const given = Object.entries(filter).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, String(value)]],
    );
    const query = new URLSearchParams(given).toString();
    return this.#call(pageOf(deviceViewSchema), 'GET', `/devices?${query}`);
  }

  async devices(filter: DeviceFilter = {}): Promise<DeviceView[]> {
    const devices: DeviceView[] = [];
    let cursor: string | null = null;
    do {
      const from: { cursor?: string } = cursor === null ? {} : { cursor };
      const page = await this.devicePage({ ...filter, limit: 500, ...from });
      devices.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return devices;
  }

  device(id: string): Promise<DeviceDetail> {
    return this.#call(deviceDetailSchema, 'GET', `/devices/${encodeURIComponent(id)}`);
  }

  setLabels(id: string, labels: Labels): Promise<DeviceLabels> {
    const path = `/devices/${encodeURIComponent(id)}/labels`;
    return this.#call(deviceLabelsSchema, 'PUT', path, { labels });
  }

  changeLifecycle(id: string, change: LifecycleChange): Promise<DeviceLifecycle> {
    const path = `/devices/${encodeURIComponent(id)}/lifecycle`;
    return this.#call(deviceLifecycleSchema, 'POST', path, change);
  }

  /** A Blob of a file (`openAsBlob`) is sent as it is read. */
  uploadFirmware(
    model: string,
    version: string,
    artifact: Uint8Array | Blob,
    format: FirmwareFormat = 'tar',
    rules: UploadRules = {},
  ): Promise<FirmwareView> {
    const query = new URLSearchParams({ model, version, format, ...rules });
    return this.#call(firmwareViewSchema, 'POST', `/firmware?${query.toString()}`, artifact);
  }

  trust(): Promise<TrustView> {
    return this.#call(trustViewSchema, 'GET', '/tuf');
  }

  publishMetadata(role: OfflineRole, document: TufDocument): Promise<TrustView> {
    return this.#call(trustViewSchema, 'PUT', `/tuf/${role}`, document);
  }

  stageMetadata(role: OfflineRole, document: TufDocument): Promise<TrustView> {
    return this.#call(trustViewSchema, 'PUT', `/tuf/staged/${role}`, document);
  }

  firmware(id: string): Promise<FirmwareView> {
    return this.#call(firmwareViewSchema, 'GET', `/firmware/${id}`);
  }

  withdrawFirmware(id: string, reason: string): Promise<FirmwareView> {
    return this.#call(firmwareViewSchema, 'PUT', `/firmware/${id}/withdrawal`, { reason });
  }

  async firmwares(): Promise<FirmwareView[]> {
    return (await this.#call(listOf(firmwareViewSchema), 'GET', '/firmware')).items;
  }

  createCampaign(campaign: CampaignCreateInput): Promise<CampaignView> {
    return this.#call(campaignViewSchema, 'POST', '/campaigns', campaign);
  }

  campaign(id: string): Promise<CampaignView> {
    return this.#call(campaignViewSchema, 'GET', `/campaigns/${id}`);
  }

  async campaigns(): Promise<CampaignView[]> {
    return (await this.#call(listOf(campaignViewSchema), 'GET', '/campaigns')).items;
  }

  async campaignEvents(id: string): Promise<CampaignEvent[]> {
    const path = `/campaigns/${id}/events`;
    return (await this.#call(listOf(campaignEventSchema), 'GET', path)).items;
  }

  /** Who would get it and when; changes nothing. */
  planCampaign(campaign: CampaignCreateInput): Promise<CampaignPlan> {
    return this.#call(campaignPlanSchema, 'POST', '/campaigns/dry-run', campaign);
  }

  act(id: string, action: CampaignActionName, reason: string): Promise<CampaignView> {
    return this.#call(campaignViewSchema, 'POST', `/campaigns/${id}/${action}`, { reason });
  }

  async #call<T extends z.ZodType>(
    schema: T,
    method: string,
    path: string,
    body?: object,
  ): Promise<z.output<T>> {
    const isBlob = body instanceof Blob;
    const binary = body instanceof Uint8Array ? new Uint8Array(body) : isBlob ? body : null;
    const response = await fetch(`${this.#baseUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && {
          'content-type': binary === null ? 'application/json' : 'application/octet-stream',
        }),
      },
      ...(body !== undefined && { body: binary ?? JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (response.ok) return schema.parse(answer);
    const problem = problemSchema.safeParse(answer);
    if (problem.success) throw new ApiProblem(problem.data);
    throw new Error(`${method} ${path} answered ${response.status} without a problem document`);
  }
}
