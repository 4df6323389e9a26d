import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { TLSSocket } from 'node:tls';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Post } from '../src/otlp-http-post.ts';
import { tlsPost, type ClientTls } from '../src/otlp-tls-post.ts';

const pem = (name: string) =>
  readFileSync(new URL(`certificates/${name}.pem`, import.meta.url), 'utf8');
const identity = (name: string) => ({ cert: pem(`${name}.cert`), key: pem(`${name}.key`) });
const ca = pem('authority.cert');
const first = identity('device');
const second = identity('renewed');

let server: Server;
let url: string;
let seen: string[];
beforeEach(async () => {
  seen = [];
  server = createServer(
    { ...identity('collector'), ca, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      if (!(request.socket instanceof TLSSocket)) throw new Error('no TLS');
      seen.push(String(request.socket.getPeerCertificate().subject.CN));
      request.resume();
      request.on('end', () => {
        response.writeHead(503, { 'retry-after': '7', 'content-type': 'text/plain' });
        response.end('busy');
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `https://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
});

const logger = createLogger('test', 'silent');
const send = (post: Post, signal = AbortSignal.timeout(20_000)) =>
  post(
    { id: 1, batchId: 'b', path: '/v1/logs', body: Buffer.from('x'), entries: 1, createdAtMs: 0 },
    { collectorUrl: url, token: 't', signal, now: () => 0 },
  );
const refused = { kind: 'no_response' };
const busy = { kind: 'response', status: 503, retryAfterMs: 7000 };

it('shows its certificate and reads the answer like the plain one', async () => {
  const post = tlsPost(
    () => ({ ca, ...first }),
    logger,
    () => 0,
  );
  const result = await send(post);
  expect(result).toMatchObject({ observation: busy, contentType: 'text/plain' });
  expect(Buffer.from(result.answer).toString()).toBe('busy');
  expect(seen).toEqual(['device-7']);
});

it('is no answer without a certificate, or from a server that another authority vouches for', async () => {
  const without = await send(
    tlsPost(
      () => ({ ca }),
      logger,
      () => 0,
    ),
  );
  expect(without).toMatchObject({ observation: refused, cause: expect.any(Error) as unknown });
  const files = { ca: pem('stranger.cert'), ...first };
  const stranger = await send(
    tlsPost(
      () => files,
      logger,
      () => 0,
    ),
  );
  expect(stranger.observation).toEqual(refused);
  expect(seen).toEqual([]);
});

it('takes a renewed certificate after a while, and keeps the last one while the files do not fit', async () => {
  let nowMs = 0;
  let files: ClientTls = { ca, ...first };
  const post = tlsPost(
    () => files,
    logger,
    () => nowMs,
  );
  await send(post);
  files = { ca, cert: second.cert, key: first.key };
  nowMs = 60_000;
  expect((await send(post)).observation).toEqual(busy);
  files = { ca, ...second };
  nowMs = 120_000;
  await send(post);
  expect(seen).toEqual(['device-7', 'device-7', 'device-7 renewed']);
});

it('refuses at once what is no certificate', () => {
  expect(() =>
    tlsPost(
      () => ({ cert: 'none', key: first.key }),
      logger,
      () => 0,
    ),
  ).toThrow();
});

it('is no answer when it is given up', async () => {
  const post = tlsPost(
    () => ({ ca, ...first }),
    logger,
    () => 0,
  );
  expect((await send(post, AbortSignal.abort(new Error('stopped')))).observation).toEqual(refused);
});
