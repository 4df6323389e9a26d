import { readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { WarehouseFleet } from '../../src/fleet-metrics/warehouse-fleet.ts';

const pipelineSql = (file: string) =>
  readFileSync(new URL(`../../../pipeline/sql/${file}.sql`, import.meta.url), 'utf8');

const NOW_MS = Date.now();
const NEVER = new AbortController().signal;
let warehouse: ClickHouseClient;

beforeAll(async () => {
  const connection = createChdbConnection({ path: ':memory:' });
  // The client's type of the hook and chDB's own are declared apart from each other.
  warehouse = createClient({ connection } as unknown as Parameters<typeof createClient>[0]);
  for (const file of [
    'schema/008-health-observations',
    'schema/036-health-observations-identity',
    'schema/009-device-health',
    'health/signals',
    'health/device-signals-latest',
  ]) {
    await warehouse.command({ query: pipelineSql(file) });
  }
});
afterAll(() => warehouse.close());
beforeEach(async () => {
  for (const table of ['flotilla_health_observations', 'flotilla_device_health']) {
    await warehouse.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

type Told = readonly [device: string, signal: string, value: number | null, ageSeconds?: number];
async function computed(atMs: number, told: readonly Told[], scored = true): Promise<void> {
  const common = (DeviceId: string) => ({ ComputedAt: atMs, DeviceId });
  await warehouse.insert({
    table: 'flotilla_health_observations',
    format: 'JSONEachRow',
    values: told.map(([device, Signal, Value, AgeSeconds = 0]) => ({
      ...common(device),
      Signal,
      Value,
      AgeSeconds,
      Model: 'm1',
      FirmwareVersion: '1.0.0',
    })),
  });
  if (!scored) return;
  await warehouse.insert({
    table: 'flotilla_device_health',
    format: 'JSONEachRow',
    values: [...new Set(told.map(([device]) => device))].map((device) => ({
      ...common(device),
      Score: 85,
      Confidence: 1,
      Status: 'healthy',
      Contributions: {},
    })),
  });
}
const breaches = async (limit: number) =>
  (await new WarehouseFleet(warehouse, limit).read(NEVER)).breaches;

it('finds the worst devices of each signal in base units, and counts all in breach', async () => {
  await computed(NOW_MS, [
    ['a', 'disk_used_pct', 85],
    ['b', 'disk_used_pct', 97],
    ['c', 'disk_used_pct', 80],
    ['d', 'disk_used_pct', 91],
    ['e', 'disk_used_pct', null],
    ['a', 'temp_headroom_c', 5],
    ['a', 'heartbeat_gap_ratio', 4, 40],
  ]);
  expect(await breaches(2)).toEqual([
    { Signal: 'disk_used_pct', DeviceId: 'b', Reading: 0.97, InBreach: 3 },
    { Signal: 'disk_used_pct', DeviceId: 'd', Reading: 0.91, InBreach: 3 },
    { Signal: 'heartbeat_gap_ratio', DeviceId: 'a', Reading: 40, InBreach: 1 },
    { Signal: 'temp_headroom_c', DeviceId: 'a', Reading: 80, InBreach: 1 },
  ]);
});

it('leaves what a silent device last told to its silence', async () => {
  await computed(NOW_MS, [
    ['a', 'disk_used_pct', 99, 4000],
    ['a', 'heartbeat_gap_ratio', 400, 4000],
  ]);
  expect((await breaches(9)).map((row) => row.Signal)).toEqual(['heartbeat_gap_ratio']);
});

it('reads the newest computation that was scored', async () => {
  await computed(NOW_MS - 10_000, [['a', 'disk_used_pct', 90]]);
  await computed(NOW_MS - 5_000, [['b', 'disk_used_pct', 91]]);
  await computed(NOW_MS, [['c', 'disk_used_pct', 92]], false);
  expect((await breaches(9)).map((row) => row.DeviceId)).toEqual(['b']);
});

it('spreads readings and scores over bounds, by model and version', async () => {
  await computed(NOW_MS, [
    ['a', 'disk_used_pct', 40],
    ['b', 'disk_used_pct', 96],
    ['c', 'disk_used_pct', null],
    ...['a', 'b', 'c'].map((device): Told => [device, 'heartbeat_gap_ratio', 1, 10]),
  ]);
  const { distributions, health } = await new WarehouseFleet(warehouse, 9).read(NEVER);
  const of = (signal: string) => distributions.find((row) => row.Signal === signal);
  expect(of('disk_used_pct')).toMatchObject({ Model: 'm1', FirmwareVersion: '1.0.0', Devices: 2 });
  expect(of('disk_used_pct')?.Total).toBeCloseTo(1.36, 9);
  expect(of('disk_used_pct')?.AtMost).toEqual([0, 0, 1, 1, 1, 1, 1, 1, 1, 2]);
  expect(of('health_score')?.AtMost).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 3, 3]);
  expect(health).toEqual([
    { Model: 'm1', FirmwareVersion: '1.0.0', Status: 'healthy', Devices: 3 },
  ]);
});

it('has nothing to say before the first computation', async () => {
  expect(await new WarehouseFleet(warehouse, 9).read(NEVER)).toEqual({
    breaches: [],
    distributions: [],
    health: [],
  });
});
