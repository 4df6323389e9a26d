import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { takeSnapshot } from '../../src/health/device-snapshots.ts';
import { computeHealth } from '../../src/health/health-job.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';
import {
  referenceObservation,
  type LogLine,
  type Point,
  type Signals,
} from './reference-observation.ts';

const HEARTBEAT_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Snapshots close by the engine's clock, so arrivals lie before the real now. */
const NOW_MS = Math.floor(Date.now() / 1000) * 1000;

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
beforeAll(async () => {
  stage = await embeddedWarehouse();
});
afterAll(() => stage.remove());
const run = (query: string) => stage.warehouse.compute.command({ query });

const TABLES = [
  'otel_logs',
  'otel_metrics_gauge',
  'flotilla_device_snapshots',
  'flotilla_rollup_marks',
  'flotilla_health_observations',
];
async function clear(): Promise<void> {
  for (const table of TABLES) await run(`TRUNCATE TABLE ${table}`);
}

/** Many devices and few runs: the engine takes its time per statement, not per row. */
const DEVICES = Array.from({ length: 60 }, (_, index) => `d${index}`);
/** When a row came and how far its own time is from that: prompt, late by hours or days, or ahead. */
const times = fc
  .tuple(
    fc.integer({ min: 0, max: 130 }),
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 3 }) },
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 30 * 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: 6 * 24 * 60, max: 9 * 24 * 60 }) },
      { weight: 1, arbitrary: fc.integer({ min: -240, max: -1 }) },
    ),
    fc.integer({ min: 0, max: 59 }),
  )
  .map(([minutesAgo, lateMinutes, seconds]) => {
    const arrivedMs = NOW_MS - minutesAgo * MINUTE_MS;
    return { arrivedMs, atMs: arrivedMs - lateMinutes * MINUTE_MS - seconds * 1000 };
  });
const device = fc.constantFrom(...DEVICES);
const point = fc
  .record({
    device,
    metric: fc.constantFrom(
      'system.cpu.utilization',
      'system.cpu.utilization',
      'system.memory.utilization',
      'system.filesystem.utilization',
      'hw.temperature',
      'another.metric',
    ),
    state: fc.constantFrom('', 'used', 'free'),
    value: fc.integer({ min: 0, max: 100 }),
    times,
  })
  .map(({ times: time, ...rest }): Point => ({
    ...rest,
    ...time,
    state: /memory|filesystem/.test(rest.metric) ? rest.state : '',
  }));
const line = fc
  .record({
    device,
    kind: fc.constantFrom('line', 'error', 'error', 'crash', 'failed update'),
    times,
  })
  .map(({ times: time, ...rest }): LogLine => ({ ...rest, ...time }));

const timestamp = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
const attribute = (metric: string): string => `${metric.replace('.utilization', '')}.state`;

async function store(points: readonly Point[], lines: readonly LogLine[]): Promise<void> {
  const { ingest } = stage.warehouse;
  await ingest.insert({
    table: 'otel_metrics_gauge',
    format: 'JSONEachRow',
    values: points.map((row) => ({
      ServiceName: 'flotilla-device',
      MetricName: row.metric,
      ResourceAttributes: { 'device.id': row.device },
      Attributes: row.state === '' ? {} : { [attribute(row.metric)]: row.state },
      TimeUnix: timestamp(row.atMs),
      Value: row.value,
      IngestedAt: row.arrivedMs / 1000,
    })),
  });
  await ingest.insert({
    table: 'otel_logs',
    format: 'JSONEachRow',
    values: lines.map((row, index) => ({
      ServiceName: 'flotilla-device',
      ResourceAttributes: { 'device.id': row.device },
      Timestamp: timestamp(row.atMs),
      SeverityNumber: row.kind === 'error' || row.kind === 'crash' ? 17 : 9,
      ...(row.kind === 'crash' && { EventName: 'flotilla.firmware.crash' }),
      ...(row.kind === 'failed update' && {
        EventName: 'flotilla.update',
        LogAttributes: { 'flotilla.report.id': `r${index}`, 'flotilla.update.outcome': 'failed' },
      }),
      IngestedAt: row.arrivedMs / 1000,
    })),
  });
}

async function observedAt(nowMs: number): Promise<Record<string, Signals>> {
  const { compute } = stage.warehouse;
  await run('TRUNCATE TABLE flotilla_health_observations');
  await computeHealth(compute, nowMs, HEARTBEAT_MS);
  const rows = await rowsOf<{
    DeviceId: string;
    Signal: string;
    Value: number;
    AgeSeconds: number;
  }>(compute, 'SELECT DeviceId, Signal, Value, AgeSeconds FROM flotilla_health_observations');
  const fleet: Record<string, Signals> = {};
  for (const row of rows) {
    (fleet[row.DeviceId] ??= {})[row.Signal] = { value: row.Value, ageSeconds: row.AgeSeconds };
  }
  return fleet;
}

function expectedAt(
  points: readonly Point[],
  lines: readonly LogLine[],
  nowMs: number,
): Record<string, Signals> {
  const fleet: Record<string, Signals> = {};
  for (const id of DEVICES) {
    const of = <T extends { device: string }>(rows: readonly T[]) =>
      rows.filter((row) => row.device === id);
    const signals = referenceObservation(of(points), of(lines), nowMs, HEARTBEAT_MS);
    if (signals !== null) fleet[id] = signals;
  }
  return fleet;
}

function expectSame(actual: Record<string, Signals>, expected: Record<string, Signals>): void {
  const near = (signals: Signals) =>
    Object.fromEntries(
      Object.entries(signals).map(([name, { value, ageSeconds }]) => [
        name,
        {
          value: value === null ? null : (expect.closeTo(value, 9) as number),
          ageSeconds: expect.closeTo(ageSeconds, 6) as number,
        },
      ]),
    );
  expect(actual).toEqual(
    Object.fromEntries(Object.entries(expected).map(([id, signals]) => [id, near(signals)])),
  );
}

describe('health from snapshots', () => {
  it('is what all telemetry gives at once, wherever the snapshot ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(point, { minLength: 1500, maxLength: 1500 }),
        fc.array(line, { minLength: 600, maxLength: 600 }),
        fc.nat(1),
        async (points, lines, lostMark) => {
          await clear();
          await store(points, lines);
          const expected = expectedAt(points, lines, NOW_MS);
          expectSame(await observedAt(NOW_MS), expected);
          for (let step = 0; await takeSnapshot(stage.warehouse.compute); step += 1) {
            // A crash between a snapshot and its mark: the snapshot is taken again.
            if (step === lostMark) await run('TRUNCATE TABLE flotilla_rollup_marks');
            expectSame(await observedAt(NOW_MS), expected);
          }
          const laterMs = NOW_MS + 3 * DAY_MS;
          expectSame(await observedAt(laterMs), expectedAt(points, lines, laterMs));
        },
      ),
      { numRuns: 1, endOnFailure: true },
    );
  });
});
