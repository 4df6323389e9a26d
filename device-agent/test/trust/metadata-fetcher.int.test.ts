import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NotFoundError, TooLargeError } from '@flotilla/trust';
import { afterEach, expect, it } from 'vitest';
import { isTooSlow } from '../../src/trust/domain/slow-transfer.ts';
import { MetadataFetcher, SlowMetadataError } from '../../src/trust/metadata-fetcher.ts';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** So short that silence ends a test; others give an answer the time of a machine with other work. */
const IMPATIENT_MS = 50;

async function fetcherOf(
  answer: (response: ServerResponse, token?: string) => void,
  graceMs = 60_000,
) {
  server = createServer((request, response) => answer(response, request.headers.authorization));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const fetcher = new MetadataFetcher({
    resolve: (path) => `http://127.0.0.1:${port}${path}`,
    headers: () => ({ authorization: 'Bearer t' }),
    pace: { graceMs, minBytesPerSecond: 1000, maxMs: 60_000 },
    monotonicNow: () => performance.now(),
  });
  return (maxBytes = 1000) =>
    fetcher.fetch('timestamp.json', maxBytes, new AbortController().signal);
}

it('shows the token and takes the bytes', async () => {
  const fetch = await fetcherOf((response, token) => response.end(token));
  expect((await fetch()).toString()).toBe('Bearer t');
});

it('stops an endless answer at its bound', async () => {
  const fetch = await fetcherOf((response) => {
    const more = () => response.write(Buffer.alloc(4096), (error) => error || setImmediate(more));
    more();
  });
  await expect(fetch(10_000)).rejects.toThrow(TooLargeError);
});

it.each([0, 1])('gives up an answer of %i bytes now and then', async (size) => {
  const timers: NodeJS.Timeout[] = [];
  const fetch = await fetcherOf((response) => {
    response.flushHeaders();
    timers.push(setInterval(() => response.write(Buffer.alloc(size)), 20));
  }, IMPATIENT_MS);
  await expect(fetch()).rejects.toThrow(SlowMetadataError);
  timers.forEach(clearInterval);
});

it('gives up a server that accepts and says nothing', async () => {
  const fetch = await fetcherOf(() => undefined, IMPATIENT_MS);
  await expect(fetch()).rejects.toThrow(SlowMetadataError);
});

it('does not follow a redirect with the token, and tells 404 from other errors', async () => {
  const moved = await fetcherOf((r) => r.writeHead(302, { location: 'http://127.0.0.1:9/' }).end());
  await expect(moved()).rejects.toThrow();
  server.close();
  const missing = await fetcherOf((response) => response.writeHead(404).end());
  await expect(missing()).rejects.toThrow(NotFoundError);
  server.close();
  const busy = await fetcherOf((response) => response.writeHead(503).end());
  await expect(busy()).rejects.toThrow('answered 503');
});

it('measures slowness by what came, never beyond the longest time', () => {
  const rule = { graceMs: 1000, minBytesPerSecond: 100, maxMs: 10_000 };
  expect(isTooSlow(1000, 0, rule)).toBe(false);
  expect(isTooSlow(1001, 0, rule)).toBe(true);
  expect(isTooSlow(2000, 100, rule)).toBe(false);
  expect(isTooSlow(10_001, 1e9, rule)).toBe(true);
});
