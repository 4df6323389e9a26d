import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  envelopeSchema,
  firmwareIdSchema,
  firmwareUploadQuerySchema,
  nameSchema,
  type FirmwareView,
  type ListOf,
} from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { z } from 'zod';
import { releaseFirmware, type ReleaseDeps } from './firmware-release.ts';
import type { FirmwareRow, FirmwareStore } from './firmware-store.ts';
import type { FirmwareUploads } from './firmware-upload.ts';
import { firmwareView } from './firmware-view.ts';

export interface FirmwareRouteDeps extends ReleaseDeps {
  readonly uploads: FirmwareUploads;
  /** Called after a release; starts what follows from it and returns at once. */
  readonly onReleased: (firmware: FirmwareRow) => Promise<void>;
}

const pathSchema = z.strictObject({ id: firmwareIdSchema });
const listQuerySchema = z.strictObject({
  model: nameSchema.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

/** The firmware registry for operators; mount it below operator authentication. */
export function registerFirmwareRoutes(app: FastifyInstance, deps: FirmwareRouteDeps): void {
  app.get('/api/v1/firmware', async (request): Promise<ListOf<FirmwareView>> => {
    const rows = await deps.store.list(parseRequest(listQuerySchema, request.query, 'query'));
    const deltas = await deps.store.deltasTowards(rows);
    return { items: rows.map((row) => firmwareView(row, deltas)) };
  });

  app.get('/api/v1/firmware/:id', async (request) => view(deps.store, await find(deps, request)));

  app.put('/api/v1/firmware/:id/signature', async (request) => {
    const row = await find(deps, request);
    const envelope = parseRequest(envelopeSchema, request.body, 'body');
    await releaseFirmware(deps, row, envelope);
    const released = await find(deps, request);
    await deps.onReleased(released);
    return view(deps.store, released);
  });

  void app.register((upload, _options, done) => {
    registerUpload(upload, deps);
    done();
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
      { ...query, contentLengthBytes: contentLength(request) },
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
  return firmwareView(row, await store.deltasTowards([row]));
}
