import type { KeyObject } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import {
  deviceCreateSchema,
  deviceIdSchema,
  LIFECYCLE_STATES,
  nameSchema,
  type DeviceCreated,
  type DeviceDetail,
  type DeviceView,
  type WithheldOffer,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { issueDeviceToken } from '@flotilla/signing';
import { z } from 'zod';
import type { CampaignService } from '../campaigns/campaign-service.ts';
import type { FirmwareStore } from '../firmware/firmware-store.ts';
import type { DeviceRow, DeviceStore } from './device-store.ts';
import { deviceView } from './device-view.ts';
import type { HealthReader } from './health-reader.ts';
import { newDevice } from './new-device.ts';
import type { LastSeenBuffer } from './last-seen-buffer.ts';

export interface RegistryRouteDeps {
  readonly store: DeviceStore;
  readonly firmware: Pick<FirmwareStore, 'byId'>;
  readonly lastSeen: LastSeenBuffer;
  readonly health: HealthReader;
  readonly campaigns: Pick<CampaignService, 'updatesOf'>;
  readonly deviceTokenKey: KeyObject;
  readonly clock: () => number;
}

const UPDATES_ON_DETAIL = 50;

const pathSchema = z.strictObject({ id: deviceIdSchema });
export const deviceListQuerySchema = z.strictObject({
  model: nameSchema.optional(),
  group: nameSchema.optional(),
  lifecycle: z.enum(LIFECYCLE_STATES).optional(),
  q: z.string().min(1).max(64).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  /** `nextCursor` of the page before. */
  cursor: z
    .base64url()
    .transform((value) => Buffer.from(value, 'base64url').toString('utf8'))
    .pipe(deviceIdSchema)
    .optional(),
});

/** The device registry for operators; mount it below operator authentication. */
export function registerRegistryRoutes(app: FastifyInstance, deps: RegistryRouteDeps): void {
  app.post('/api/v1/devices', async (request, reply): Promise<DeviceCreated> => {
    const { id, model, group, gatewayFor } = parseRequest(deviceCreateSchema, request.body, 'body');
    const nowMs = deps.clock();
    const row = newDevice(id, model, group, nowMs);
    // Signed first, so a device that exists always had a token.
    const token = await issueDeviceToken(
      { deviceId: id, model, group, ...(gatewayFor !== undefined && { gatewayFor }) },
      deps.deviceTokenKey,
      nowMs,
    );
    if (!(await deps.store.insert(row))) {
      throw new ProblemError('already_exists', {
        detail: `there is a device ${id} already`,
        errors: [{ pointer: '/body/id', detail: 'is taken' }],
      });
    }
    void reply.code(201).header('location', `/api/v1/devices/${id}`);
    return { device: deviceView(row, null, null), token };
  });

  app.get('/api/v1/devices', async (request) => {
    const { cursor, ...filter } = parseRequest(deviceListQuerySchema, request.query, 'query');
    await deps.lastSeen.flush();
    // One more than asked for tells whether there is another page.
    const rows = await deps.store.list({ ...filter, afterId: cursor, limit: filter.limit + 1 });
    const page = rows.slice(0, filter.limit);
    const last = rows.length > page.length ? page.at(-1) : undefined;
    return {
      items: await viewsOf(deps, page),
      nextCursor: last === undefined ? null : Buffer.from(last.id).toString('base64url'),
    };
  });

  app.get('/api/v1/devices/:id', async (request): Promise<DeviceDetail> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    await deps.lastSeen.flush();
    const row = await deps.store.byId(id);
    if (row === undefined) throw new ProblemError('not_found', { detail: `no device ${id}` });
    const [updates, health] = await Promise.all([
      deps.campaigns.updatesOf([id], UPDATES_ON_DETAIL),
      deps.health.healthOf([id]),
    ]);
    const records = updates.get(id) ?? [];
    return {
      ...deviceView(row, health.get(id) ?? null, records[0] ?? null),
      updates: records,
      hardwareRevision: row.hardware_revision,
      withheld: await withheldOf(deps, row),
    };
  });
}

async function withheldOf(deps: RegistryRouteDeps, row: DeviceRow): Promise<WithheldOffer | null> {
  const { withheld_firmware_id: firmwareId, withheld_reason: reason } = row;
  if (firmwareId === null || reason === null) return null;
  const firmware = await deps.firmware.byId(firmwareId);
  return {
    firmwareId,
    version: firmware?.version ?? 'unknown',
    reason,
    detail: row.withheld_detail ?? '',
    since: new Date(row.withheld_since_ms ?? 0).toISOString(),
  };
}

async function viewsOf(deps: RegistryRouteDeps, rows: readonly DeviceRow[]): Promise<DeviceView[]> {
  const ids = rows.map((row) => row.id);
  const [updates, health] = await Promise.all([
    deps.campaigns.updatesOf(ids, 1),
    deps.health.healthOf(ids),
  ]);
  return rows.map((row) =>
    deviceView(row, health.get(row.id) ?? null, updates.get(row.id)?.[0] ?? null),
  );
}
