import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OFFLINE_ROLES, tufDocumentSchema, type TrustView } from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import type { TrustRole } from '@flotilla/trust';
import { z } from 'zod';
import type { TargetsChange } from '../firmware/firmware-release.ts';
import type { TrustService } from './trust-service.ts';
import type { TrustStore } from './trust-store.ts';

export interface TrustRouteDeps {
  readonly trust: TrustService;
  /** Called after targets were published; starts what follows from it and returns at once. */
  readonly onPublished: (change: TargetsChange) => Promise<void>;
}

const MAX_DOCUMENT_BYTES = 1024 * 1024;
const rolePathSchema = z.strictObject({ role: z.enum(OFFLINE_ROLES) });

/** The TUF repository for publishers; mount it below operator authentication. */
export function registerTrustRoutes(app: FastifyInstance, deps: TrustRouteDeps): void {
  const { trust } = deps;
  const options = { bodyLimit: MAX_DOCUMENT_BYTES };
  const roleOf = (request: FastifyRequest) =>
    parseRequest(rolePathSchema, request.params, 'path').role;
  const documentOf = (request: FastifyRequest) =>
    parseRequest(tufDocumentSchema, request.body, 'body');

  app.get('/api/v1/tuf', (): Promise<TrustView> => trust.view());

  app.put('/api/v1/tuf/:role', options, async (request): Promise<TrustView> => {
    const document = documentOf(request);
    if (roleOf(request) === 'root') await trust.publishRoot(document);
    else await deps.onPublished(await trust.publishTargets(document));
    return trust.view();
  });

  app.put('/api/v1/tuf/staged/:role', options, async (request): Promise<TrustView> => {
    await trust.stage(roleOf(request), documentOf(request));
    return trust.view();
  });

  app.delete('/api/v1/tuf/staged/:role', async (request, reply) => {
    await trust.unstage(roleOf(request));
    return reply.code(204).send();
  });
}

const FILE = /^(?:timestamp|([1-9]\d{0,8})\.(root|snapshot|targets))\.json$/;
export const metadataFileSchema = z
  .string()
  .regex(FILE, 'must be timestamp.json or N.root, N.snapshot or N.targets .json');
const filePathSchema = z.strictObject({ file: metadataFileSchema });

/** Sends one metadata file with consistent snapshots (TUF 1.0.31, 6.2): only the timestamp ever changes. */
export async function sendMetadata(
  store: TrustStore,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { file } = parseRequest(filePathSchema, request.params, 'path');
  const [, version, role] = FILE.exec(file) ?? [];
  const text =
    version === undefined
      ? (await store.currentFile('timestamp'))?.text
      : await store.text(role as TrustRole, Number(version));
  if (text === undefined) throw new ProblemError('not_found', { detail: `there is no ${file}` });
  const etag = `"${createHash('sha256').update(text).digest('hex')}"`;
  const keep = version === undefined ? 'no-cache' : 'private, max-age=31536000, immutable';
  void reply.header('etag', etag).header('cache-control', keep).type('application/json');
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.send(text);
}
