import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeCollector, type FakeCollector } from '@flotilla/otlp-queue/testing';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDeviceTelemetry } from '../../src/telemetry/create-device-telemetry.ts';
import { decodeLogs, decodePoints } from '../../src/telemetry/testing/decode-otlp.ts';

const STARTED_AT_MS = Date.UTC(2026, 0, 1);
const STEP_MS = 10_000;
const STEPS = (3 * 24 * 3600 * 1000) / STEP_MS;
/** Of one request. */
const MAX_BATCH_RECORDS = 256;
const unlimited = { perSecond: 1e9, burst: 1e9 };

let dataDir: string;
let collector: FakeCollector;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'flotilla-three-days-'));
  collector = await startFakeCollector();
});
afterEach(async () => {
  await collector.close();
  rmSync(dataDir, { recursive: true });
});

const bodies = (path: string) =>
  collector.accepted.filter((request) => request.path === path).map(({ body }) => body);
/** As the telemetry itself told it last. */
function toldLost(signal: string): number {
  const told = new Map<unknown, number>();
  for (const { name, attributes, value } of bodies('/v1/metrics').flatMap(decodePoints)) {
    if (name !== 'flotilla.agent.queue.lost' || attributes['flotilla.signal'] !== signal) continue;
    const reason = attributes['error.type'];
    told.set(reason, Math.max(value, told.get(reason) ?? 0));
  }
  return [...told.values()].reduce((sum, value) => sum + value, 0);
}

it('tells after three days offline how much of them is lost, to the record', async () => {
  let nowMs = STARTED_AT_MS;
  const { url } = collector;
  await collector.close();
  const telemetry = await createDeviceTelemetry({
    dataDir,
    deviceId: 'device-7',
    model: 'sensor-a',
    collectorUrl: url,
    token: 'secret',
    metricsIntervalMs: 3_600_000,
    logger: createLogger('test', 'silent'),
    clock: () => nowMs,
    queueLimits: { maxBytes: 400_000 },
    sampling: {
      ratios: { trace: 1, debug: 1, info: 1 },
      keyRate: unlimited,
      bound: unlimited,
      urgentBound: unlimited,
    },
  });
  for (let step = 0; step < STEPS; step += 1) {
    nowMs = STARTED_AT_MS + step * STEP_MS;
    telemetry.log('info', `reading ${step}`);
  }
  collector = await startFakeCollector(Number(new URL(url).port));
  await telemetry.flush();
  await expect.poll(() => bodies('/v1/logs').length, { timeout: 30_000 }).toBeGreaterThan(0);
  // The count as of now is collected and sent behind the backlog.
  await telemetry.stop();

  const numbers = bodies('/v1/logs')
    .flatMap(decodeLogs)
    .map(({ body }) => Number(String(body).replace('reading ', '')))
    .sort((a, b) => a - b);
  const lost = toldLost('logs');
  expect(lost).toBeGreaterThan(STEPS / 2);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers.length + lost).toBe(STEPS);
  // The newest are all there; of the oldest at most the batch that was under way when they gave way.
  const newest = numbers.length - MAX_BATCH_RECORDS;
  expect(numbers.slice(-newest)).toEqual(
    Array.from({ length: newest }, (_, n) => STEPS - newest + n),
  );
});
