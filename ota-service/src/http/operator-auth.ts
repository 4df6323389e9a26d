import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '@flotilla/service';
import { bearerToken } from './bearer-token.ts';
import { parseOperators, UNNAMED_OPERATOR } from './operators.ts';

const names = new WeakMap<FastifyRequest, string>();

/** A hook that lets only holders of an operator token pass; the text is as `parseOperators` reads it. */
export function requireOperator(
  operatorTokens: string,
): (request: FastifyRequest) => Promise<void> {
  const operators = parseOperators(operatorTokens).map(({ name, token }) => ({
    name,
    digest: digest(token),
  }));
  return (request) => {
    const given = digest(bearerToken(request));
    // Digests have one length and all are compared, so the time tells nothing about the tokens.
    const matching = operators.filter((operator) => timingSafeEqual(given, operator.digest));
    const [operator] = matching;
    if (operator === undefined) {
      return Promise.reject(
        new ProblemError('unauthenticated', { detail: 'this is not an operator token' }),
      );
    }
    names.set(request, operator.name);
    return Promise.resolve();
  };
}

/** Who is behind a request that passed. */
export function operatorBehind(request: FastifyRequest): string {
  return names.get(request) ?? UNNAMED_OPERATOR;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
