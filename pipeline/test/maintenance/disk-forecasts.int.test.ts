import { afterAll, beforeAll, expect, it } from 'vitest';
import { computeHealth } from '../../src/health/health-job.ts';
import { forecastDisks } from '../../src/maintenance/disk-forecasts.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';

const DAY_S = 86_400;
const NOW_S = Math.floor(Date.now() / 1000);
const DAYS = 12;

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
beforeAll(async () => {
  stage = await embeddedWarehouse();
});
afterAll(() => stage.remove());

interface Forecast {
  readonly DeviceId: string;
  readonly SlopePerDay: number;
  readonly SlopeLow: number;
  readonly SlopeHigh: number;
  readonly Days: number | null;
}

/** Fill by days before now; `wobble` is a noise that repeats, so that a failure does. */
async function tell(device: string, fill: (daysAgo: number, i: number) => number, days = DAYS) {
  const values = Array.from({ length: days * 24 }, (_, i) => {
    const daysAgo = days - i / 24;
    const value = fill(daysAgo, i);
    return {
      MetricName: 'system.filesystem.utilization',
      ServiceName: 'flotilla-device',
      DeviceId: device,
      BucketAt: NOW_S - Math.round(daysAgo * DAY_S),
      SeriesId: 1,
      PointCount: 1,
      Sum: value,
      Min: value,
      Max: value,
      Last: value,
      LastAt: NOW_S,
      BuiltUntil: NOW_S,
    };
  });
  await stage.warehouse.ingest.insert({
    table: 'flotilla_metrics_5m',
    format: 'JSONEachRow',
    values,
  });
}
const wobble = (i: number): number => (((i * 7919) % 13) - 6) / 2000;

it('gives a date to disks that fill, whatever a few wrong readings say, and to no other', async () => {
  // 1 % a day, at 80 % now: 20 days.
  await tell('steady', (daysAgo, i) => 0.8 - 0.01 * daysAgo + wobble(i));
  await tell('spiky', (daysAgo, i) => 0.8 - 0.01 * daysAgo + wobble(i) + (i % 90 === 0 ? 0.15 : 0));
  await tell('flat', (_, i) => 0.8 + wobble(i));
  await tell('emptying', (daysAgo) => 0.5 + 0.01 * daysAgo);
  await tell('sawtooth', (daysAgo) => 0.6 + 0.1 * (1 - (daysAgo % 1)));
  await tell('young', (daysAgo) => 0.8 - 0.05 * daysAgo, 1);
  await forecastDisks(stage.warehouse.compute, NOW_S * 1000);
  const rows = await rowsOf<Forecast>(
    stage.warehouse.compute,
    `SELECT DeviceId, SlopePerDay, SlopeLow, SlopeHigh,
      (toUnixTimestamp(FullAt) - ${String(NOW_S)}) / 86400 AS Days FROM flotilla_disk_forecasts`,
  );
  const of = (device: string) => rows.find((row) => row.DeviceId === device);
  for (const device of ['steady', 'spiky']) {
    const forecast = of(device)!;
    expect(forecast.Days, device).toBeGreaterThan(18);
    expect(forecast.Days, device).toBeLessThan(22);
    expect(forecast.SlopeLow).toBeLessThanOrEqual(0.0101);
    expect(forecast.SlopeHigh).toBeGreaterThanOrEqual(0.0099);
  }
  for (const device of ['flat', 'emptying', 'sawtooth'])
    expect(of(device)?.Days, device).toBeNull();
  expect(of('young')).toBeUndefined();
});

it('counts in the health of the device while there is a date', async () => {
  const { compute, ingest } = stage.warehouse;
  const point = (MetricName: string) => ({
    ServiceName: 'flotilla-device',
    MetricName,
    ResourceAttributes: { 'device.id': 'd1' },
    TimeUnix: new Date(NOW_S * 1000).toISOString().replace('T', ' ').slice(0, 23),
    Value: 0.5,
  });
  await ingest.insert({
    table: 'otel_metrics_gauge',
    format: 'JSONEachRow',
    values: [point('system.filesystem.utilization'), point('system.cpu.utilization')],
  });
  const forecast = (ComputedAt: number, FullAt: number | null) =>
    ingest.insert({
      table: 'flotilla_disk_forecasts',
      format: 'JSONEachRow',
      values: [{ DeviceId: 'd1', ComputedAt, FullAt }],
    });
  const eta = async (nowMs: number): Promise<number[]> => {
    await computeHealth(compute, nowMs, 10_000);
    const rows = await rowsOf<{ Value: number }>(
      compute,
      `SELECT Value FROM flotilla_health_observations WHERE DeviceId = 'd1'
        AND Signal = 'disk_full_eta_days' AND ComputedAt = fromUnixTimestamp64Milli(${String(nowMs)}, 'UTC')`,
    );
    return rows.map((row) => row.Value);
  };
  expect(await eta(NOW_S * 1000)).toEqual([]);
  await forecast(NOW_S, NOW_S + 5 * DAY_S);
  expect(await eta(NOW_S * 1000 + 1)).toEqual([expect.closeTo(5, 4)]);
  await forecast(NOW_S + 1, null);
  expect(await eta(NOW_S * 1000 + 2)).toEqual([]);
});
