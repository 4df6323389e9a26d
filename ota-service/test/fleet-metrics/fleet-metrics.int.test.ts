import { createLogger } from '@flotilla/service';
import type { Kysely } from 'kysely';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { FleetMetrics } from '../../src/fleet-metrics/fleet-metrics.ts';
import { RegistryFleet } from '../../src/fleet-metrics/registry-fleet.ts';
import type { BreachRow, FleetReadings } from '../../src/fleet-metrics/warehouse-fleet.ts';
import { describeEngines } from '../../src/testing/engines.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

describeEngines('fleet metrics', (engine) => {
  let database: Kysely<Database>;
  let registry: Registry;
  let metrics: FleetMetrics;
  let nowMs = NOW_MS;
  let answer: () => Promise<FleetReadings>;

  beforeEach(async () => {
    database = await openDatabase(await engine.newUrl());
    registry = new Registry();
    nowMs = NOW_MS;
    answer = () => Promise.resolve({ breaches: [], distributions: [], health: [] });
    metrics = new FleetMetrics({
      registryFleet: new RegistryFleet(database),
      warehouseFleet: { read: () => answer() },
      registry,
      breachLimit: 2,
      intervalMs: 1000,
      silentAfterMs: 5 * MINUTE_MS,
      clock: () => nowMs,
      logger: createLogger('test', 'silent'),
    });
  });
  afterEach(async () => {
    await metrics.stop();
    await database.destroy();
  });

  const add = (id: string, more: { lifecycle?: 'active' | 'retired'; seen?: number } = {}) =>
    database
      .insertInto('devices')
      .values({
        id,
        model: 'm1',
        group_name: 'berlin',
        lifecycle: more.lifecycle ?? 'active',
        firmware_version: '1.0.0',
        firmware_sha256: null,
        created_at_ms: NOW_MS,
        last_seen_at_ms: more.seen ?? NOW_MS,
      })
      .execute();
  const breach = (DeviceId: string, InBreach: number): BreachRow => ({
    Signal: 'disk_used_pct',
    DeviceId,
    Reading: 0.97,
    InBreach,
  });
  const scraped = async () => {
    await metrics.refresh();
    return registry.metrics();
  };

  it('count devices by model, group, version, and those that stopped polling', async () => {
    await add('d1');
    await add('d2', { seen: NOW_MS - 6 * MINUTE_MS });
    await add('d3', { seen: NOW_MS - 60 * MINUTE_MS, lifecycle: 'retired' });
    const text = await scraped();
    expect(text).toContain(
      'flotilla_devices{model="m1",group="berlin",lifecycle="active",version="1.0.0"} 2',
    );
    expect(text).toContain('flotilla_fleet_active_devices{group="berlin"} 2');
    expect(text).toContain('flotilla_fleet_silent_devices{group="berlin"} 1');
  });

  it('name active devices in breach only, and say how many there are', async () => {
    await add('d1');
    await add('old', { lifecycle: 'retired' });
    const rows = [breach('d1', 40), breach('old', 40)];
    answer = () => Promise.resolve({ breaches: rows, distributions: [], health: [] });
    const text = await scraped();
    expect(text).toContain(
      'flotilla_device_filesystem_utilization_ratio{device="d1",model="m1",group="berlin"} 0.97',
    );
    expect(text).not.toContain('device="old"');
    expect(text).toContain('flotilla_devices_in_breach{signal="disk_used_pct"} 40');
    expect(text).toContain('flotilla_devices_in_breach{signal="mem_used_pct"} 0');
    expect(text).toContain('flotilla_breach_series_limit 2');

    answer = () => Promise.resolve({ breaches: [], distributions: [], health: [] });
    expect(await scraped()).not.toContain('device="d1"');
  });

  it('spread readings over buckets that add up, with rare versions under one name', async () => {
    const of = (version: string, devices: number) => ({
      Model: 'm1',
      FirmwareVersion: version,
      Devices: devices,
    });
    const versions = Array.from({ length: 60 }, (_, i) => of(`1.0.${String(i)}`, 100 - i));
    answer = () =>
      Promise.resolve({
        breaches: [],
        distributions: versions.map((row) => ({
          ...row,
          Signal: 'disk_used_pct',
          Bounds: [0.5, 1],
          Total: row.Devices / 2,
          AtMost: [1, row.Devices],
        })),
        health: versions.map((row) => ({ ...row, Status: 'healthy' as const })),
      });
    const text = await scraped();
    const name = 'flotilla_fleet_filesystem_utilization_ratio';
    expect(text).toContain(`${name}_bucket{model="m1",version="1.0.0",le="0.5"} 1`);
    expect(text).toContain(`${name}_bucket{model="other",version="other",le="0.5"} 11`);
    expect(text).toContain('flotilla_fleet_folded_versions 11');
    const counts = [...text.matchAll(new RegExp(`${name}_count\\{.*\\} (\\d+)`, 'g'))];
    const total = versions.reduce((sum, row) => sum + row.Devices, 0);
    expect(counts).toHaveLength(50);
    expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(total);
  });

  it('keep the last readings of a warehouse that does not answer, but not for long', async () => {
    await add('d1');
    answer = () => Promise.resolve({ breaches: [breach('d1', 1)], distributions: [], health: [] });
    await scraped();
    answer = () => Promise.reject(new Error('no warehouse'));
    nowMs += 4 * MINUTE_MS;
    const text = await scraped();
    expect(text).toContain('device="d1"');
    expect(text).toContain(
      `flotilla_fleet_metrics_updated_timestamp_seconds{source="warehouse"} ${String(NOW_MS / 1000)}`,
    );
    nowMs += 2 * MINUTE_MS;
    const later = await scraped();
    expect(later).not.toContain('device="d1"');
    expect(later).toContain('flotilla_fleet_active_devices{group="berlin"} 1');
  });
});
