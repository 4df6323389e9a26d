import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TestRepository } from '@flotilla/trust/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeOtaServer } from '../../src/testing/fake-ota-server.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { AgentBench } from '../agent-bench.ts';

const patiently = { timeout: 30_000 };

/** Answers 502 while there is nobody behind it, as load balancers do. */
class Proxy {
  upstream: string | null = null;
  refused = 0;
  readonly #server: Server = createServer((incoming, answer) => {
    const refuse = () => {
      this.refused += 1;
      if (answer.headersSent) answer.destroy();
      else answer.writeHead(502).end('<h1>bad gateway</h1>');
    };
    if (this.upstream === null) {
      refuse();
      return;
    }
    const { method, url = '/', headers } = incoming;
    const target = new URL(url, this.upstream);
    const upward = ask(target, { method, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.on('error', refuse).pipe(answer);
    });
    incoming.pipe(upward.on('error', refuse));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let bench: AgentBench;
let repository: TestRepository;
let proxy: Proxy;
let second: FakeOtaServer | null;
beforeEach(async () => {
  repository = new TestRepository();
  bench = await AgentBench.create(repository);
  proxy = new Proxy();
  second = null;
});
afterEach(async () => {
  await bench.dispose();
  proxy.stop();
  await second?.stop();
});

it('a server that restarts behind its proxy costs a download neither its bytes nor the update', async () => {
  const otaUrl = await proxy.start();
  proxy.upstream = bench.server.url;
  await bench.start(
    { otaUrl, tuning: { ...FAST_TUNING, maxFruitlessTries: 1000 } },
    { host: new ScriptedHost() },
  );
  const release = { version: '1.0.0', artifact: await firmwareBundle('1.0.0') };
  const offer = bench.server.deployment(release);
  const never = new Promise<void>(() => undefined);
  bench.server.faults.set(offer.full.path, { cutAfterBytes: 20_000, cuts: 1, cutWhen: never });
  bench.server.offer = offer;
  await expect.poll(() => bench.server.requests.length, patiently).toBe(1);

  proxy.upstream = null;
  await bench.server.stop();
  await expect.poll(() => bench.telemetry.waits, patiently).toContain('backoff');
  await expect.poll(() => proxy.refused, patiently).toBeGreaterThan(5);

  second = await FakeOtaServer.start(repository);
  second.offer = second.deployment(release);
  proxy.upstream = second.url;
  const { reports, requests } = second;
  await expect.poll(() => reports.at(-1)?.state, patiently).toBe('confirmed');
  expect(requests).toHaveLength(1);
  expect(requests[0]?.range).toMatch(/^bytes=[1-9]\d*-$/);
  expect(bench.telemetry.reports.some(({ state }) => state === 'failed')).toBe(false);
});
