import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  firmwareIdSchema,
  firmwareUploadQuerySchema,
  nameSchema,
  releaseNotesSchema,
  withdrawalSchema,
  type FirmwareView,
  type ListOf,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { z } from 'zod';
import type { FirmwareRow, FirmwareStore } from './firmware-store.ts';
import type { FirmwareUploads } from './firmware-upload.ts';
import { firmwareViews } from './firmware-view.ts';

export interface FirmwareRouteDeps {
  readonly store: FirmwareStore;
  readonly clock: () => number;
  readonly uploads: FirmwareUploads;
  /** Called after a withdrawal: pauses the campaigns that offer it. */
  readonly onUnofferable: () => Promise<void>;
}

const pathSchema = z.strictObject({ id: firmwareIdSchema });
export const firmwareListQuerySchema = z.strictObject({
  model: nameSchema.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

/** The firmware registry for operators; mount it below operator authentication. */
export function registerFirmwareRoutes(app: FastifyInstance, deps: FirmwareRouteDeps): void {
  app.get('/api/v1/firmware', async (request): Promise<ListOf<FirmwareView>> => {
    const rows = await deps.store.list(
      parseRequest(firmwareListQuerySchema, request.query, 'query'),
    );
    return { items: await firmwareViews(deps.store, rows) };
  });

  app.get('/api/v1/firmware/:id', async (request) => view(deps.store, await find(deps, request)));

  registerChanges(app, deps);
  void app.register((upload, _options, done) => {
    registerUpload(upload, deps);
    done();
  });
}

function registerChanges(app: FastifyInstance, deps: FirmwareRouteDeps): void {
  /** A repeat keeps the first reason, and pauses again what was resumed or missed. */
  app.put('/api/v1/firmware/:id/withdrawal', async (request) => {
    const row = await find(deps, request);
    const { reason } = parseRequest(withdrawalSchema, request.body, 'body');
    if (!(await deps.store.withdraw(row.id, reason, deps.clock()))) {
      const { state } = await find(deps, request);
      if (state !== 'withdrawn') {
        const detail = `${row.id} is a ${state}; only what was released can be withdrawn`;
        throw new ProblemError('conflict', { detail });
      }
    }
    await deps.onUnofferable();
    return view(deps.store, await find(deps, request));
  });

  app.put('/api/v1/firmware/:id/release-notes', async (request) => {
    const row = await find(deps, request);
    const { releaseNotes } = parseRequest(releaseNotesSchema, request.body, 'body');
    await deps.store.setReleaseNotes(row.id, releaseNotes);
    return view(deps.store, await find(deps, request));
  });

  app.delete('/api/v1/firmware/:id', async (request, reply) => {
    const row = await find(deps, request);
    if (!(await deps.store.deleteDraft(row.id))) {
      const detail = `${row.id} is ${row.state}; only a draft can be deleted, a release is withdrawn`;
      throw new ProblemError('conflict', { detail });
    }
    return reply.code(204).send();
  });
}

/** In a scope of its own: here alone a body is a stream, and may be large. */
function registerUpload(app: FastifyInstance, deps: FirmwareRouteDeps): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) =>
    done(null, payload),
  );
  app.post('/api/v1/firmware', async (request, reply) => {
    const query = parseRequest(firmwareUploadQuerySchema, request.query, 'query');
    if (request.body === undefined) {
      throw new ProblemError('unsupported_media_type', {
        detail: 'send the artifact as application/octet-stream',
      });
    }
    // A refused upload is not destroyed: the same socket still has to carry the reason.
    const chunks = (request.body as Readable).iterator({ destroyOnReturn: false });
    const { row, isNew } = await deps.uploads.take(
      query,
      contentLength(request),
      chunks as AsyncIterable<Uint8Array>,
    );
    void reply.code(isNew ? 201 : 200).header('location', `/api/v1/firmware/${row.id}`);
    return view(deps.store, row);
  });
}

function contentLength(request: FastifyRequest): number | null {
  const header = request.headers['content-length'];
  return header === undefined ? null : Number(header);
}

async function find(deps: FirmwareRouteDeps, request: FastifyRequest): Promise<FirmwareRow> {
  const { id } = parseRequest(pathSchema, request.params, 'path');
  const row = await deps.store.byId(id);
  if (row === undefined) throw new ProblemError('not_found', { detail: `no firmware ${id}` });
  return row;
}

async function view(store: FirmwareStore, row: FirmwareRow): Promise<FirmwareView> {
  const [only] = await firmwareViews(store, [row]);
  if (only === undefined) throw new Error(`no view of ${row.id}`);
  return only;
}
