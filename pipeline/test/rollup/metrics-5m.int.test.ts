import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { METRICS_5M, rollUp } from '../../src/rollup/roll-up.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
beforeAll(async () => {
  stage = await embeddedWarehouse();
});
afterAll(() => stage.remove());

const run = (query: string) => stage.warehouse.compute.command({ query });
async function clear(): Promise<void> {
  for (const table of ['otel_metrics_gauge', 'flotilla_metrics_5m', 'flotilla_rollup_marks']) {
    await run(`TRUNCATE TABLE ${table}`);
  }
}
beforeEach(clear);

const BASE_SECONDS = Date.parse('2026-01-01T00:00:00Z') / 1000;

interface Point {
  readonly device: string;
  readonly atSeconds: number;
  readonly value: number;
  readonly arrivedAgoSeconds: number;
  readonly core?: string;
}

async function arrive(points: readonly Point[]): Promise<void> {
  const nowSeconds = Math.floor(Date.now() / 1000);
  await stage.warehouse.ingest.insert({
    table: 'otel_metrics_gauge',
    format: 'JSONEachRow',
    values: points.map((point) => ({
      ServiceName: 'flotilla-device',
      MetricName: 'system.cpu.utilization',
      ResourceAttributes: { 'device.id': point.device },
      Attributes: point.core === undefined ? {} : { core: point.core },
      TimeUnix: new Date((BASE_SECONDS + point.atSeconds) * 1000)
        .toISOString()
        .slice(0, 19)
        .replace('T', ' '),
      Value: point.value,
      IngestedAt: nowSeconds - point.arrivedAgoSeconds,
    })),
  });
}

const BUCKETS = `SELECT DeviceId, toUInt32(BucketAt) - ${BASE_SECONDS} AS At, toUInt32(PointCount) AS Count,
  Sum, Min, Max, Last, Attributes['core'] AS Core FROM flotilla_metrics_5m FINAL ORDER BY DeviceId, At, Core`;
const buckets = () => rowsOf<Record<string, unknown>>(stage.warehouse.compute, BUCKETS);

async function rollUpAll(): Promise<void> {
  while (await rollUp(stage.warehouse.compute, METRICS_5M)) {
    // Six hours of arrivals a step.
  }
}

describe('the rollup of gauges', () => {
  it('counts, sums, and keeps extremes and the last of each series', async () => {
    await arrive([
      { device: 'd1', atSeconds: 10, value: 1, arrivedAgoSeconds: 3600 },
      { device: 'd1', atSeconds: 299, value: 3, arrivedAgoSeconds: 3600 },
      { device: 'd1', atSeconds: 20, value: 5, arrivedAgoSeconds: 3600 },
      { device: 'd1', atSeconds: 300, value: 7, arrivedAgoSeconds: 3600 },
      { device: 'd1', atSeconds: 10, value: 9, arrivedAgoSeconds: 3600, core: '1' },
      { device: 'd2', atSeconds: 10, value: 2, arrivedAgoSeconds: 0 },
    ]);
    await rollUpAll();
    expect(await buckets()).toEqual([
      { DeviceId: 'd1', At: 0, Count: 3, Sum: 9, Min: 1, Max: 5, Last: 3, Core: '' },
      { DeviceId: 'd1', At: 0, Count: 1, Sum: 9, Min: 9, Max: 9, Last: 9, Core: '1' },
      { DeviceId: 'd1', At: 300, Count: 1, Sum: 7, Min: 7, Max: 7, Last: 7, Core: '' },
    ]);
  });

  it('has nothing to do on an empty table', async () => {
    expect(await rollUp(stage.warehouse.compute, METRICS_5M)).toBeNull();
  });

  it('is what all points give at once, however late they come and whatever is repeated', async () => {
    const point = fc.record({
      device: fc.integer({ min: 1, max: 30 }).map((n) => `d${n}`),
      atSeconds: fc.nat(1500),
      value: fc.integer({ min: -5, max: 5 }),
      arrivedAgoSeconds: fc.integer({ min: 600, max: 10 * 3600 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(point, {
          minLength: 200,
          maxLength: 200,
          selector: (p) => `${p.device}${p.atSeconds}`,
        }),
        fc.boolean(),
        async (points, isMarkLost) => {
          await clear();
          await arrive(points);
          await rollUpAll();
          if (isMarkLost) {
            await run('TRUNCATE TABLE flotilla_rollup_marks');
            await rollUpAll();
          }
          const once = await rowsOf(
            stage.warehouse.compute,
            `SELECT DeviceId, toUInt32(toStartOfFiveMinutes(TimeUnix)) - ${BASE_SECONDS} AS At,
              toUInt32(count()) AS Count, sum(Value) AS Sum, min(Value) AS Min, max(Value) AS Max,
              argMax(Value, TimeUnix) AS Last, '' AS Core
            FROM otel_metrics_gauge GROUP BY DeviceId, At ORDER BY DeviceId, At`,
          );
          expect(await buckets()).toEqual(once);
        },
      ),
      // Many devices and few runs: the engine takes its time per statement, not per row.
      { numRuns: 2, endOnFailure: true },
    );
  });
});
