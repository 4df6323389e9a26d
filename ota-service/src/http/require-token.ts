import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '@flotilla/service';
import { bearerToken } from './bearer-token.ts';

/** A hook that lets only the holder of this one token pass; `name` is what a refusal calls it. */
export function requireToken(
  token: string,
  name: string,
): (request: FastifyRequest) => Promise<void> {
  const expected = digest(token);
  return (request) => {
    // Digests have one length, so the comparison's time tells nothing about the token.
    if (timingSafeEqual(digest(bearerToken(request)), expected)) return Promise.resolve();
    return Promise.reject(new ProblemError('unauthenticated', { detail: `this is not ${name}` }));
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
