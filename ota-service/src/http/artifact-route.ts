import type { FastifyReply, FastifyRequest } from 'fastify';
import { sha256Schema } from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import { z } from 'zod';
import type { ArtifactStore } from '../firmware/artifact-store.ts';
import { decideRange } from './byte-range.ts';

/** A route may have more in its path. */
const pathSchema = z.object({ sha256: sha256Schema });

export interface ArtifactRouteDeps {
  readonly artifacts: ArtifactStore;
  readonly isDownloadable: (sha256: string, model: string) => Promise<boolean>;
}

/** Sends an artifact, whole or in part (RFC 9110, 14). */
export async function sendArtifact(
  deps: ArtifactRouteDeps,
  model: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { sha256 } = parseRequest(pathSchema, request.params, 'path');
  const sizeBytes = (await deps.isDownloadable(sha256, model))
    ? await deps.artifacts.sizeBytes(sha256)
    : null;
  if (sizeBytes === null) {
    throw new ProblemError('not_found', { detail: `no released artifact ${sha256}` });
  }
  const etag = `"${sha256}"`;
  void reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, max-age=31536000, immutable')
    .type('application/octet-stream');
  // Range is defined for GET alone (RFC 9110, 14.2).
  const range = request.method === 'GET' ? request.headers.range : undefined;
  const decision = decideRange({ range, ifRange: header(request, 'if-range') }, etag, sizeBytes);
  if (decision.kind === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${sizeBytes}`).removeHeader('cache-control');
    throw new ProblemError('range_not_satisfiable', {
      detail: `the artifact has ${sizeBytes} bytes`,
    });
  }
  const [first, last] =
    decision.kind === 'part' ? [decision.first, decision.last] : [0, sizeBytes - 1];
  if (decision.kind === 'part') {
    void reply.code(206).header('content-range', `bytes ${first}-${last}/${sizeBytes}`);
  }
  void reply.header('content-length', String(last - first + 1));
  // For HEAD the framework keeps the headers and drops the stream before it is opened.
  return reply.send(deps.artifacts.open(sha256, first, last));
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}
