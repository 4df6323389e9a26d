import type { FastifyRequest } from 'fastify';
import { ProblemError } from '@flotilla/service';

/** The token of an `Authorization: Bearer` header (RFC 6750, 2.1); throws `unauthenticated`. */
export function bearerToken(request: FastifyRequest): string {
  const match = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(request.headers.authorization ?? '');
  const token = match?.[1];
  if (token !== undefined) return token;
  throw new ProblemError('unauthenticated', {
    detail: 'an Authorization header with a Bearer token is needed',
  });
}
