import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMetrics } from '@flotilla/otlp';
import {
  holdWriteLock,
  startFakeCollector,
  type FakeCollector,
} from '@flotilla/otlp-queue/testing';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/gateway/config.ts';
import { startGateway } from '../../src/gateway/start-gateway.ts';
import { publicKeyPem, tokenFor } from '../testing/collector-harness.ts';
import { LocalAgent, logOf, metricsOf, RefusedError, spanOf } from './testing/agent-requests.ts';

const DEVICE = 'device-1';
const agent = new LocalAgent(DEVICE, 'json');
const NEVER_MS = '3600000';
/** Generous: other work may hold the disk. */
const eventually = (check: () => void | Promise<void>) =>
  vi.waitFor(check, { timeout: 30_000, interval: 20 });

let folder: string;
let cloud: FakeCollector;
let gateway: RunningService;
let batches = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-gateway-'));
  await writeFile(join(folder, 'key.pem'), publicKeyPem);
  await writeFile(join(folder, 'token'), await tokenFor('gateway-1'));
  cloud = await startFakeCollector();
});
afterEach(async () => {
  await gateway.stop();
  await cloud.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(environment: Readonly<Record<string, string>>): Promise<void> {
  const config = loadConfig(configSchema, {
    FLOTILLA_COLLECTOR_PORT: '0',
    FLOTILLA_COLLECTOR_GRPC_PORT: '0',
    FLOTILLA_GATEWAY_HTTP_PORT: '0',
    FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: join(folder, 'key.pem'),
    FLOTILLA_GATEWAY_DATA_DIR: join(folder, 'data'),
    FLOTILLA_GATEWAY_COLLECTOR_URL: cloud.url,
    FLOTILLA_GATEWAY_TOKEN_FILE: join(folder, 'token'),
    ...environment,
  });
  gateway = await startGateway(config, createLogger('gateway', 'silent'));
}

function send(signal: 'metrics' | 'logs' | 'traces', request: object): Promise<void> {
  batches += 1;
  return agent.send(gateway.addresses, signal, request, `batch-${batches}`);
}

const reading = (gauge: number, timeMs = Date.now()) =>
  metricsOf({ deviceId: DEVICE, timeMs, startMs: timeMs - 1000, gauge, counters: [gauge, 2] });

async function metric(name: string): Promise<number | undefined> {
  const text = await (await fetch(`${gateway.addresses['health']}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`flotilla_gateway_${name} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}

const lost = (reason: string, signal: string) =>
  metric(`lost_total{reason="${reason}",signal="${signal}"}`);

/** Values that were measured, as count and sum of what the cloud has of the gauge. */
function measured(): { count: number; sum: number } {
  const metrics = cloud.accepted
    .filter(({ path }) => path === '/v1/metrics')
    .flatMap(({ body }) => decodeMetrics(body).resources)
    .flatMap(({ scopes }) => scopes)
    .flatMap((scope) => scope.metrics);
  const points = metrics.flatMap(({ name, data }) =>
    name === 'level.interval' && data.kind === 'histogram' ? data.points : [],
  );
  return {
    count: points.reduce((so, { count }) => so + Number(count), 0),
    sum: points.reduce((so, point) => so + point.sum!, 0),
  };
}

describe('the bounds of a gateway', () => {
  it('answer 503 once the journal is full, and take telemetry again when it empties', async () => {
    await start({
      FLOTILLA_GATEWAY_JOURNAL_MAX_BYTES: '8192',
      FLOTILLA_GATEWAY_INTERVAL_MS: '100',
    });
    const release = holdWriteLock(join(folder, 'data', 'queue'));
    const acknowledged: string[] = [];
    const refusal = await (async () => {
      for (let index = 0; ; index += 1) {
        try {
          await send('logs', logOf(DEVICE, Date.now(), `line-${index}-${'x'.repeat(500)}`));
          acknowledged.push(`line-${index}-`);
        } catch (error) {
          return error;
        }
      }
    })();
    expect(refusal).toBeInstanceOf(RefusedError);
    expect((refusal as RefusedError).status).toBe(503);
    const health = gateway.addresses['health']!;
    await eventually(async () => expect((await fetch(`${health}/readyz`)).status).toBe(503));
    release();
    await eventually(async () => {
      expect((await fetch(`${health}/readyz`)).status).toBe(200);
      const bodies = cloud.accepted.map(({ body }) => Buffer.from(body).toString('latin1'));
      expect(acknowledged.filter((line) => !bodies.some((body) => body.includes(line)))).toEqual(
        [],
      );
    });
    await send('logs', logOf(DEVICE, Date.now(), 'again'));
  });

  it.each([
    ['series', { FLOTILLA_GATEWAY_MAX_SERIES: '4' }],
    ['bytes', { FLOTILLA_GATEWAY_MAX_AGGREGATE_BYTES: '8192' }],
    ['journal', { FLOTILLA_GATEWAY_JOURNAL_MAX_BYTES: '8192' }],
  ])('end an interval early by %s, without loss', async (_bound, environment) => {
    await start({ FLOTILLA_GATEWAY_INTERVAL_MS: NEVER_MS, ...environment });
    const total = { count: 0, sum: 0 };
    await eventually(async () => {
      total.count += 1;
      total.sum += total.count;
      // Days apart, so that every one is a series of its own.
      await send('metrics', reading(total.count, Date.now() - total.count * 86_400_000));
      expect(await metric('early_intervals_total')).toBeGreaterThanOrEqual(3);
    });
    await gateway.stop();
    await start(environment);
    await eventually(() => expect(measured()).toEqual(total));
  });
});

describe('a gateway that lost a file', () => {
  it.each(['queue', 'journal.db'])('of its %s forwards what comes once', async (name) => {
    await start({ FLOTILLA_GATEWAY_INTERVAL_MS: '100' });
    await send('metrics', reading(1));
    await send('metrics', reading(2));
    await eventually(() => expect(measured()).toEqual({ count: 2, sum: 3 }));
    await gateway.stop();
    for (const suffix of ['', '-wal', '-shm']) {
      await rm(join(folder, 'data', name + suffix), { recursive: true, force: true });
    }
    await start({ FLOTILLA_GATEWAY_INTERVAL_MS: '100' });
    await send('metrics', reading(10));
    await eventually(() => expect(measured()).toEqual({ count: 3, sum: 13 }));
  });
});

describe('what a gateway gives up', () => {
  it('is counted by reason and signal when the collector refuses it for good', async () => {
    await start({ FLOTILLA_GATEWAY_INTERVAL_MS: '100' });
    cloud.answerWith(() => ({ status: 400 }));
    await send('logs', logOf(DEVICE, Date.now(), 'a'));
    await send('logs', logOf(DEVICE, Date.now(), 'b'));
    await send('traces', spanOf(DEVICE, Date.now(), 'c'));
    await send('metrics', reading(1));
    await eventually(async () => {
      expect(await lost('refused', 'logs')).toBe(2);
      expect(await lost('refused', 'traces')).toBe(1);
      // The gauge, its interval and two counters.
      expect(await lost('refused', 'metrics')).toBe(4);
    });
    expect(await lost('bytes', 'logs')).toBe(0);
    expect(await metric('received_points_total')).toBe(3);
    expect(await metric('forwarded_points_total')).toBe(4);
  });

  it('is counted when the queue is full while the collector cannot be reached', async () => {
    await start({ FLOTILLA_GATEWAY_QUEUE_MAX_BYTES: '4096', FLOTILLA_GATEWAY_INTERVAL_MS: '100' });
    cloud.answerWith(() => ({ status: 503, headers: { 'retry-after': '3600' } }));
    for (let index = 0; index < 10; index += 1) {
      await send('logs', logOf(DEVICE, Date.now(), 'x'.repeat(1000)));
    }
    await eventually(async () => {
      expect(await lost('bytes', 'logs')).toBe(7);
      expect(await metric('queue_items')).toBe(3);
    });
    expect(await metric('queue_size_bytes')).toBeLessThanOrEqual(4096);
  });
});
