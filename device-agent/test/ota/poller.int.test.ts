import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OtaClient } from '../../src/ota/ota-client.ts';
import { Poller } from '../../src/ota/poller.ts';
import { FakeOtaServer, TEST_TOKEN } from '../../src/testing/fake-ota-server.ts';
import { silent } from '../agent-bench.ts';

const HOUR_MS = 3_600_000;
const request = { runningVersion: null, runningSha256: null };
const backOff = { baseMs: 100, maxMs: 200 };
const { signal } = new AbortController();

let server: FakeOtaServer;
let poller: Poller;
beforeEach(async () => {
  server = await FakeOtaServer.start();
  const client = new OtaClient({
    baseUrl: server.url,
    token: TEST_TOKEN,
    requestTimeoutMs: 2_000,
    now: Date.now,
  });
  poller = new Poller({
    client,
    pollMs: 1_000,
    minPollMs: 500,
    backOff,
    random: () => 0.5,
    logger: silent,
  });
});
afterEach(() => server.stop());

describe('the next poll', () => {
  it('comes when the server said', async () => {
    server.pollAfterMs = 30_000;
    expect(await poller.poll(request, signal)).toMatchObject({
      pollAfterMs: 30_000,
      deployment: null,
    });
    expect(poller.delayMs).toBe(30_000);
  });

  it.each([1, 499])('does not come sooner than is good, when the server says %d', async (ms) => {
    server.pollAfterMs = ms;
    expect(await poller.poll(request, signal)).toMatchObject({ pollAfterMs: ms });
    expect(poller.delayMs).toBe(500);
  });

  it.each(['999999999', '9'.repeat(30), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
    'is not put off for years, nor made at once, by Retry-After %s',
    async (retryAfter) => {
      server.failWith = { status: 503, retryAfter };
      expect(await poller.poll(request, signal)).toBeNull();
      expect(poller.delayMs).toBe(HOUR_MS);
    },
  );

  it.each([86_400_001, 2 ** 31, Number.MAX_SAFE_INTEGER])(
    'backs off from a server that asks for it in %d ms',
    async (pollAfterMs) => {
      server.pollAfterMs = pollAfterMs;
      expect(await poller.poll(request, signal)).toBeNull();
      expect(poller.delayMs).toBe(75);
    },
  );
});
