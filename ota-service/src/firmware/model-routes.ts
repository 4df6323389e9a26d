import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  channelPromoteSchema,
  compareVersions,
  floorRaiseSchema,
  modelPutSchema,
  nameSchema,
  type ChannelView,
  type ListOf,
  type ModelView,
  type Promotion,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { z } from 'zod';
import type { ChannelRow, ChannelStore, PromotionRow } from './channel-store.ts';
import type { FirmwareStore } from './firmware-store.ts';
import type { ModelRow, ModelStore } from './model-store.ts';
import { stringList } from './string-list.ts';

export interface ModelRouteDeps {
  readonly models: ModelStore;
  readonly channels: ChannelStore;
  readonly store: Pick<FirmwareStore, 'byId'>;
  /** Called after a floor rose: pauses what may not be offered any more. */
  readonly onUnofferable: () => Promise<void>;
  readonly clock: () => number;
}

const modelPathSchema = z.strictObject({ model: nameSchema });
const channelPathSchema = z.strictObject({ model: nameSchema, channel: nameSchema });
export const promotionsQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** Models and their channels for operators; mount it below operator authentication. */
export function registerModelRoutes(app: FastifyInstance, deps: ModelRouteDeps): void {
  app.get('/api/v1/models', async (): Promise<ListOf<ModelView>> => ({
    items: (await deps.models.list()).map(modelView),
  }));

  app.get('/api/v1/models/:model', async (request) => modelView(await findModel(deps, request)));

  app.put('/api/v1/models/:model', async (request, reply) => {
    const { model: name } = parseRequest(modelPathSchema, request.params, 'path');
    const wanted = parseRequest(modelPutSchema, request.body, 'body');
    const outcome = await deps.models.put(name, wanted, deps.clock());
    if (outcome === 'format_fixed') {
      const detail = `${name} has firmware of another format; a model has one`;
      throw new ProblemError('conflict', { detail });
    }
    void reply.code(outcome === 'created' ? 201 : 200);
    return modelView(await findModel(deps, request));
  });

  app.put('/api/v1/models/:model/floor', async (request) => {
    const { model: name } = parseRequest(modelPathSchema, request.params, 'path');
    const { version, reason } = parseRequest(floorRaiseSchema, request.body, 'body');
    const raised = await deps.models.raiseFloor(name, version, deps.clock());
    if (raised === undefined) throw unknownModel(name);
    if (raised.decision === 'refuse') {
      throw new ProblemError('conflict', {
        detail: `the floor of ${name} is ${String(raised.floorVersion)}, and only rises`,
      });
    }
    request.log.info({ model: name, version, reason, ...raised }, 'anti-rollback floor');
    await deps.onUnofferable();
    return modelView(await findModel(deps, request));
  });

  registerChannelRoutes(app, deps);
}

function registerChannelRoutes(app: FastifyInstance, deps: ModelRouteDeps): void {
  app.get('/api/v1/models/:model/channels', async (request): Promise<ListOf<ChannelView>> => {
    const { name } = await findModel(deps, request);
    return { items: (await deps.channels.ofModel(name)).map(channelView) };
  });

  app.put('/api/v1/models/:model/channels/:channel', async (request): Promise<ChannelView> => {
    const { model, channel } = parseRequest(channelPathSchema, request.params, 'path');
    const { firmwareId, reason } = parseRequest(channelPromoteSchema, request.body, 'body');
    await refuseBelowFloor(deps, model, firmwareId);
    const target = { model, channel, firmwareId };
    const cause = { actor: 'operator', reason };
    if (!(await deps.channels.promote(target, cause, deps.clock()))) {
      throw new ProblemError('conflict', {
        detail: `${firmwareId} is no released firmware of ${model}`,
      });
    }
    return channelView(await findChannel(deps, model, channel));
  });

  app.get('/api/v1/models/:model/channels/:channel', async (request) => {
    const { model, channel } = parseRequest(channelPathSchema, request.params, 'path');
    return channelView(await findChannel(deps, model, channel));
  });

  app.get(
    '/api/v1/models/:model/channels/:channel/promotions',
    async (request): Promise<ListOf<Promotion>> => {
      const { model, channel } = parseRequest(channelPathSchema, request.params, 'path');
      const { limit } = parseRequest(promotionsQuerySchema, request.query, 'query');
      await findChannel(deps, model, channel);
      return { items: (await deps.channels.promotions(model, channel, limit)).map(promotion) };
    },
  );
}

async function refuseBelowFloor(
  deps: ModelRouteDeps,
  model: string,
  firmwareId: string,
): Promise<void> {
  const floor = (await deps.models.byName(model))?.floor_version ?? null;
  const firmware = await deps.store.byId(firmwareId);
  if (floor === null || firmware === undefined) return;
  if (compareVersions(firmware.version, floor) >= 0) return;
  const detail = `${firmware.version} is below the floor ${floor} of ${model}`;
  throw new ProblemError('conflict', { detail });
}

async function findModel(deps: ModelRouteDeps, request: FastifyRequest): Promise<ModelRow> {
  const { model: name } = parseRequest(modelPathSchema, request.params, 'path');
  const row = await deps.models.byName(name);
  if (row === undefined) throw unknownModel(name);
  return row;
}

function unknownModel(name: string): ProblemError {
  return new ProblemError('not_found', { detail: `there is no model ${name}` });
}

async function findChannel(
  deps: ModelRouteDeps,
  model: string,
  channel: string,
): Promise<ChannelRow> {
  const row = await deps.channels.find(model, channel);
  if (row !== undefined) return row;
  throw new ProblemError('not_found', { detail: `${model} has no channel ${channel}` });
}

function modelView(row: ModelRow): ModelView {
  return {
    name: row.name,
    description: row.description,
    format: row.format,
    hardwareRevisions: stringList(row.hardware_revisions_json),
    floorVersion: row.floor_version,
    createdAt: new Date(row.created_at_ms).toISOString(),
    updatedAt: new Date(row.updated_at_ms).toISOString(),
  };
}

function channelView(row: ChannelRow): ChannelView {
  return {
    model: row.model,
    channel: row.channel,
    firmwareId: row.firmware_id,
    version: row.version,
    updatedAt: new Date(row.updated_at_ms).toISOString(),
  };
}

function promotion(row: PromotionRow): Promotion {
  return {
    seq: row.seq,
    firmwareId: row.firmware_id,
    version: row.version,
    previousVersion: row.previous_version,
    actor: row.actor,
    reason: row.reason,
    at: new Date(row.at_ms).toISOString(),
  };
}
