import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '@flotilla/service';
import { bearerToken } from './bearer-token.ts';

/** A hook that lets only the holder of the operator token pass. */
export function requireOperator(operatorToken: string): (request: FastifyRequest) => Promise<void> {
  const expected = digest(operatorToken);
  return (request) => {
    const given = bearerToken(request);
    // Digests have one length, so the comparison's time tells nothing about the token.
    if (timingSafeEqual(digest(given), expected)) return Promise.resolve();
    return Promise.reject(
      new ProblemError('unauthenticated', { detail: 'this is not the operator token' }),
    );
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
