import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { problemSchema } from '@flotilla/contracts';
import { createHttpServer, createLogger, parseRequest, ProblemError } from '../src/index.ts';

let app: FastifyInstance;
let notReady: string | null = null;

beforeEach(() => {
  notReady = null;
  app = createHttpServer({
    logger: createLogger('test', 'silent'),
    registry: new Registry(),
    bodyLimitBytes: 100,
    readiness: async () => notReady,
  });
  app.post('/things', (request) =>
    parseRequest(z.strictObject({ 'a/b': z.number().max(5) }), request.body, 'body'),
  );
  app.get('/busy', () => {
    throw new ProblemError('unavailable', { detail: 'the log is full', retryAfterSeconds: 7 });
  });
  app.get('/secret', () => {
    throw new Error('select * from /root/keys');
  });
  app.get('/things/:id', () => 'a thing');
  app.delete('/things/:id', () => 'gone');
  app.get('/who', () => {
    throw new ProblemError('unauthenticated', { detail: 'no token' });
  });
});
afterEach(() => app.close());

async function problemOf(
  method: 'GET' | 'POST',
  url: string,
  payload?: string,
  type = 'application/json',
) {
  const response = await app.inject({
    method,
    url,
    ...(payload !== undefined && { payload, headers: { 'content-type': type } }),
  });
  expect(response.headers['content-type']).toContain('application/problem+json');
  return { response, problem: problemSchema.parse(response.json()) };
}

describe('problem documents (RFC 9457)', () => {
  it('name the field by JSON pointer and the rule', async () => {
    const { problem } = await problemOf('POST', '/things', '{"a/b": 9}');
    expect(problem).toMatchObject({ status: 400, code: 'validation_failed', instance: '/things' });
    expect(problem.errors?.[0]?.pointer).toBe('/body/a~1b');
  });

  it.each([
    ['POST', '/things', '{', 'malformed_body', 400],
    ['POST', '/things', JSON.stringify({ x: 'y'.repeat(200) }), 'body_too_large', 413],
    ['GET', '/nowhere', undefined, 'not_found', 404],
  ] as const)('%s %s with %j is %s', async (method, url, body, code, status) => {
    const { response, problem } = await problemOf(method, url, body);
    expect([problem.code, response.statusCode]).toEqual([code, status]);
  });

  it.each([
    ['POST', '/things/7?x=1', 'DELETE, GET, HEAD'],
    ['GET', '/things', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
  ] as const)('tell %s %s which methods there are', async (method, url, allow) => {
    const { response, problem } = await problemOf(method, url);
    expect([problem.code, response.headers['allow']]).toEqual(['method_not_allowed', allow]);
  });

  it('do not take a longer path for a known one', async () => {
    const { problem } = await problemOf('POST', '/things/7/more');
    expect(problem.code).toBe('not_found');
  });

  it('refuse a content type nobody reads', async () => {
    const { problem } = await problemOf('POST', '/things', '<a/>', 'text/xml');
    expect(problem.code).toBe('unsupported_media_type');
  });

  it('carry Retry-After', async () => {
    const { response } = await problemOf('GET', '/busy');
    expect(response.headers['retry-after']).toBe('7');
  });

  it('ask for credentials with a 401', async () => {
    const { response } = await problemOf('GET', '/who');
    expect(response.headers['www-authenticate']).toBe('Bearer');
  });

  it('do not tell what went wrong inside', async () => {
    const { problem } = await problemOf('GET', '/secret');
    expect(problem.code).toBe('internal');
    expect(JSON.stringify(problem)).not.toContain('keys');
  });
});

describe('readiness', () => {
  it('is 200 when ready and names the reason otherwise', async () => {
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    notReady = 'the warehouse does not answer';
    const { problem } = await problemOf('GET', '/readyz');
    expect(problem).toMatchObject({ status: 503, detail: notReady });
  });
});
