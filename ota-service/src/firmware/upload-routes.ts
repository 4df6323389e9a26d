import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseRequest, ProblemError } from '@flotilla/service';
import { z } from 'zod';
import type { FirmwareStore } from './firmware-store.ts';
import { firmwareViews } from './firmware-view.ts';
import type { PieceChecksum, ResumableUploads } from './resumable-uploads.ts';
import type { UploadRow } from './upload-store.ts';

const TUS_VERSION = '1.0.0';
const EXTENSIONS = 'creation,creation-with-upload,checksum,termination,expiration';
const CHECKSUM_ALGORITHMS: ReadonlySet<string> = new Set(['sha1', 'sha256']);
const PIECE_TYPE = 'application/offset+octet-stream';
/** A connection that brings nothing for so long is dead; its upload goes on in another. */
const IDLE_MS = 60_000;

export const uploadIdSchema = z.string().regex(/^upl_[0-9a-z]{12}$/, 'must look like upl_…');
const pathSchema = z.strictObject({ id: uploadIdSchema });
const countSchema = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);

export interface UploadRouteDeps {
  readonly resumable: ResumableUploads;
  readonly store: FirmwareStore;
  readonly maxArtifactBytes: number;
}

/**
 * Resumable uploads by tus 1.0.0 (tus.io/protocols/resumable-upload) below /api/v1/uploads; a complete
 * one becomes a draft by POST /api/v1/uploads/{id}/firmware. Mount it below operator authentication.
 */
export function registerUploadRoutes(app: FastifyInstance, deps: UploadRouteDeps): void {
  app.post('/api/v1/uploads/:id/firmware', async (request, reply) => {
    const { row, isNew } = await deps.resumable.finish(idOf(request));
    void reply.code(isNew ? 201 : 200).header('location', `/api/v1/firmware/${row.id}`);
    return (await firmwareViews(deps.store, [row]))[0];
  });
  void app.register((tus, _options, done) => {
    registerTus(tus, deps);
    done();
  });
}

function registerTus(app: FastifyInstance, deps: UploadRouteDeps): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(PIECE_TYPE, (_request, payload, done) => done(null, payload));
  app.addHook('preParsing', (request, reply, payload, done) => {
    void reply.header('tus-resumable', TUS_VERSION);
    if (request.method === 'OPTIONS' || request.headers['tus-resumable'] === TUS_VERSION) {
      done(null, payload);
      return;
    }
    void reply.header('tus-version', TUS_VERSION);
    const detail = `send Tus-Resumable: ${TUS_VERSION}`;
    done(new ProblemError('protocol_version_unsupported', { detail }));
  });

  app.options('/api/v1/uploads', (_request, reply) =>
    reply
      .code(204)
      .headers({
        'tus-version': TUS_VERSION,
        'tus-extension': EXTENSIONS,
        'tus-max-size': String(deps.maxArtifactBytes),
        'tus-checksum-algorithm': [...CHECKSUM_ALGORITHMS].join(','),
      })
      .send(),
  );

  app.post('/api/v1/uploads', async (request, reply) => {
    const lengthBytes = count(request, 'upload-length');
    let row = await deps.resumable.create(lengthBytes, header(request, 'upload-metadata') ?? '');
    if (request.body instanceof Readable)
      row = await append(deps, request, row.id, 0, request.body);
    void reply.code(201).header('location', `/api/v1/uploads/${row.id}`);
    return tell(reply, row).send();
  });

  app.head('/api/v1/uploads/:id', async (request, reply) => {
    const row = await deps.resumable.status(idOf(request));
    void reply.header('upload-length', String(row.length_bytes));
    if (row.metadata !== '') void reply.header('upload-metadata', row.metadata);
    return tell(reply, row).send();
  });

  const patch = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!(request.body instanceof Readable)) {
      throw new ProblemError('unsupported_media_type', { detail: `send ${PIECE_TYPE}` });
    }
    const offsetBytes = count(request, 'upload-offset');
    const row = await append(deps, request, idOf(request), offsetBytes, request.body);
    return tell(reply.code(204), row).send();
  };
  const terminate = async (request: FastifyRequest, reply: FastifyReply) => {
    await deps.resumable.terminate(idOf(request));
    return reply.code(204).send();
  };
  app.patch('/api/v1/uploads/:id', patch);
  app.delete('/api/v1/uploads/:id', terminate);
  // For clients behind proxies that let no other method through (tus 1.0.0, X-HTTP-Method-Override).
  app.post('/api/v1/uploads/:id', async (request, reply) => {
    const method = header(request, 'x-http-method-override');
    if (method === 'PATCH') return patch(request, reply);
    if (method === 'DELETE') return terminate(request, reply);
    void reply.header('allow', 'HEAD, PATCH, DELETE');
    throw new ProblemError('method_not_allowed', { detail: 'POST only carries PATCH or DELETE' });
  });
}

async function append(
  deps: UploadRouteDeps,
  request: FastifyRequest,
  id: string,
  offsetBytes: number,
  body: Readable,
): Promise<UploadRow> {
  const { socket } = request.raw;
  const checksum = checksumOf(request);
  const contentLength = request.headers['content-length'];
  const contentLengthBytes = contentLength === undefined ? null : Number(contentLength);
  const end = (): void => {
    socket.destroy();
  };
  socket.setTimeout(IDLE_MS, end);
  try {
    return await deps.resumable.append(id, { offsetBytes, contentLengthBytes, checksum, body });
  } finally {
    socket.setTimeout(0, end).removeListener('timeout', end);
  }
}

/** `Upload-Checksum: sha1 <base64>`; null when there is none. */
function checksumOf(request: FastifyRequest): PieceChecksum | null {
  const value = header(request, 'upload-checksum');
  if (value === undefined) return null;
  const [algorithm = '', digest = ''] = value.split(' ');
  if (!CHECKSUM_ALGORITHMS.has(algorithm)) {
    throw new ProblemError('validation_failed', {
      detail: `Upload-Checksum: ${algorithm} is none of ${[...CHECKSUM_ALGORITHMS].join(', ')}`,
    });
  }
  return { algorithm, digest: Buffer.from(digest, 'base64') };
}

function tell(reply: FastifyReply, row: UploadRow): FastifyReply {
  return reply.headers({
    'upload-offset': String(row.offset_bytes),
    'upload-expires': new Date(row.expires_at_ms).toUTCString(),
  });
}

function count(request: FastifyRequest, name: string): number {
  const parsed = countSchema.safeParse(header(request, name));
  if (parsed.success) return parsed.data;
  throw new ProblemError('validation_failed', { detail: `${name} must be a number of bytes` });
}

function idOf(request: FastifyRequest): string {
  return parseRequest(pathSchema, request.params, 'path').id;
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
