import { TOPIC_LOGS, TOPIC_METRICS, updateEventAttributes } from '@flotilla/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { computeHealth } from '../../src/health/health-job.ts';
import { decodeRequest } from '../decode/decoded-rows.ts';
import {
  deviceResource,
  gauge,
  logRecord,
  logsRequest,
  metricsOf,
  metricsRequest,
} from '../decode/otlp-samples.ts';
import { embeddedWarehouse, rowsOf } from '../warehouse/embedded-warehouse.ts';

/** Near the real now: tables drop what is older than their time to live. */
const NOW_MS = Math.floor(Date.now() / 1000) * 1000;
const HEARTBEAT_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
beforeAll(async () => {
  stage = await embeddedWarehouse();
});
afterAll(() => stage.remove());
beforeEach(async () => {
  for (const table of [
    'otel_logs',
    'otel_metrics_gauge',
    'flotilla_device_health',
    'flotilla_health_observations',
  ]) {
    await stage.warehouse.compute.command({ query: `ALTER TABLE ${table} DROP PARTITION ALL` });
  }
});

type Points = readonly [number, number, Record<string, string>?][];
async function tellMetrics(device: string, metrics: Record<string, Points>): Promise<void> {
  const data = Object.entries(metrics).map(([name, points]) => gauge(name, points));
  const rows = decodeRequest(TOPIC_METRICS, metricsRequest(metricsOf(device, data)));
  await stage.warehouse.ingest.insert({
    table: 'otel_metrics_gauge',
    format: 'JSONEachRow',
    values: rows.otel_metrics_gauge ?? [],
  });
}

async function tellLogs(records: Parameters<typeof logsRequest>[0]): Promise<void> {
  const rows = decodeRequest(TOPIC_LOGS, logsRequest(records));
  await stage.warehouse.ingest.insert({
    table: 'otel_logs',
    format: 'JSONEachRow',
    values: rows.otel_logs ?? [],
  });
}

interface Health {
  DeviceId: string;
  Score: number;
  Confidence: number;
  Status: string;
}
async function healthAt(nowMs: number): Promise<{
  signals: Record<string, { value: number | null; age: number }>;
  latest: Health | undefined;
  devices: string[];
}> {
  await computeHealth(stage.warehouse.compute, nowMs, HEARTBEAT_MS);
  const client = stage.warehouse.compute;
  const observed = await rowsOf<{
    DeviceId: string;
    Signal: string;
    Value: number | null;
    AgeSeconds: number;
  }>(
    client,
    `SELECT * FROM flotilla_health_observations WHERE ComputedAt = fromUnixTimestamp64Milli(${nowMs}, 'UTC')`,
  );
  const latest = await rowsOf<Health>(client, 'SELECT * FROM flotilla_device_health_latest');
  return {
    signals: Object.fromEntries(
      observed
        .filter((o) => o.DeviceId === 'd1')
        .map((o) => [o.Signal, { value: o.Value, age: o.AgeSeconds }]),
    ),
    latest: latest.find((row) => row.DeviceId === 'd1'),
    devices: [...new Set(observed.map((o) => o.DeviceId))].sort(),
  };
}

describe('what is observed of a device', () => {
  it('are its newest readings, in the units of the model', async () => {
    await tellMetrics('d1', {
      'system.cpu.utilization': [
        [NOW_MS - 5 * MINUTE_MS, 0.2],
        [NOW_MS - 2_000, 0.4],
        [NOW_MS - 20 * MINUTE_MS, 0.99],
      ],
      'system.memory.utilization': [
        [NOW_MS - 2_000, 0.5, { 'system.memory.state': 'used' }],
        [NOW_MS - 2_000, 0.9, { 'system.memory.state': 'free' }],
      ],
      'system.filesystem.utilization': [
        [NOW_MS - 2_000, 0.6, { 'system.filesystem.mountpoint': '/' }],
        [NOW_MS - 2_000, 0.7, { 'system.filesystem.mountpoint': '/data' }],
        [NOW_MS - HOUR_MS, 0.95, {}],
      ],
    });
    const { signals, latest } = await healthAt(NOW_MS);
    expect(signals['cpu_p95_pct']!.value).toBeCloseTo(40, 9);
    expect(signals['mem_used_pct']!.value).toBeCloseTo(50, 9);
    expect(signals['disk_used_pct']!.value).toBeCloseTo(70, 9);
    expect(signals['heartbeat_gap_ratio']).toEqual({ value: 0.2, age: 2 });
    expect(signals['crashes_24h']!.value).toBe(0);
    expect(signals).not.toHaveProperty('temp_headroom_c');
    expect(latest).toMatchObject({ Score: 100, Status: 'healthy' });
  });

  it('has the temperature only where one is told', async () => {
    await tellMetrics('d1', {
      'hw.temperature': [
        [NOW_MS, 40, { 'hw.id': 'a' }],
        [NOW_MS, 81, { 'hw.id': 'b' }],
      ],
    });
    const { signals } = await healthAt(NOW_MS);
    expect(signals['temp_headroom_c']!.value).toBeCloseTo(4, 9);
  });

  it('has battery, flash and radio only where they are told', async () => {
    await tellMetrics('d1', {
      'flotilla.battery.health': [[NOW_MS, 0.62]],
      'flotilla.flash.life_used': [[NOW_MS, 0.9]],
      'flotilla.network.rssi': [[NOW_MS, -80]],
      'flotilla.network.packet_loss': [[NOW_MS, 0.04]],
    });
    const { signals } = await healthAt(NOW_MS);
    expect(signals['battery_soh_pct']!.value).toBeCloseTo(62, 9);
    expect(signals['flash_life_used_pct']!.value).toBeCloseTo(90, 9);
    expect(signals['rssi_dbm']!.value).toBe(-80);
    expect(signals['packet_loss_pct']!.value).toBeCloseTo(4, 9);
    expect(signals).not.toHaveProperty('unexpected_reboots_24h');
  });

  it('counts the boots of a day that no update asked for', async () => {
    const bootedMs = [30, 20, 5, 2].map((hours) => NOW_MS - hours * HOUR_MS);
    await tellMetrics('d1', {
      'system.uptime': bootedMs.flatMap((at, boot): [number, number][] =>
        // Told with up to two seconds of jitter, wherever in its minutes a boot began.
        Array.from({ length: 40 }, (_, i) => [
          at + 37_000 * boot + i * MINUTE_MS,
          (i * MINUTE_MS) / 1000 + ((i * 7) % 5) - 2,
        ]),
      ),
    });
    await tellLogs([
      logRecord('d1', NOW_MS - 5 * HOUR_MS, {
        eventName: 'flotilla.update',
        attributes: updateEventAttributes({
          reportId: 'r1',
          campaignId: 'cmp_000000000000',
          phase: 1,
          round: 1,
          state: 'confirmed',
          fromVersion: '1.0.0',
          toVersion: '1.1.0',
          transferBytes: 0,
          usedDelta: false,
          occurredAt: new Date(NOW_MS).toISOString(),
        }),
      }),
    ]);
    const { signals } = await healthAt(NOW_MS);
    expect(signals['unexpected_reboots_24h']!.value).toBe(2);
  });

  it('is unknown when a device says hardly anything', async () => {
    await tellLogs([logRecord('d1', NOW_MS)]);
    const { signals, latest } = await healthAt(NOW_MS);
    expect(signals['disk_used_pct']!.value).toBeNull();
    // Heartbeat, crashes, failures and errors are known; memory, disk and processor are not.
    expect(latest!.Confidence).toBeCloseTo(2.79 / 4.79, 9);
  });

  it('counts crashes of a day, failed updates of a week, unusual errors of an hour', async () => {
    const crash = { eventName: 'flotilla.firmware.crash', severityNumber: 21 };
    await tellLogs([
      logRecord('d1', NOW_MS - 30 * HOUR_MS, crash),
      logRecord('d1', NOW_MS - 24 * HOUR_MS + 1_000),
      logRecord('d1', NOW_MS - 3 * HOUR_MS, crash),
      logRecord('d1', NOW_MS - 2 * HOUR_MS, crash),
      ...Array.from({ length: 6 }, (_, i) =>
        logRecord('d1', NOW_MS - i * MINUTE_MS, { severityNumber: 17 }),
      ),
      logRecord('d1', NOW_MS, { severityNumber: 13 }),
    ]);
    const report = (days: number, id: string, state: 'failed' | 'rolled_back' | 'confirmed') =>
      logRecord('d1', NOW_MS - days * DAY_MS, {
        eventName: 'flotilla.update',
        attributes: updateEventAttributes({
          reportId: id,
          campaignId: 'cmp_000000000000',
          phase: 1,
          round: 1,
          state,
          fromVersion: '1.0.0',
          toVersion: '1.1.0',
          transferBytes: 0,
          usedDelta: false,
          occurredAt: new Date(NOW_MS).toISOString(),
        }),
      });
    await tellLogs([
      report(1, 'a', 'failed'),
      report(1, 'a', 'failed'),
      report(2, 'b', 'rolled_back'),
      report(3, 'c', 'confirmed'),
      report(7.5, 'd', 'failed'),
    ]);
    const { signals } = await healthAt(NOW_MS);
    expect(signals['crashes_24h']!.value).toBe(2);
    expect(signals['update_failures_7d']!.value).toBe(2);
    // Six in the last hour, two in the 23 hours before: mean below one, so a spread of one.
    expect(signals['error_log_z']!.value).toBeCloseTo(6 - 2 / 23, 2);
  });

  it('leaves out devices silent for a week, other services, and clocks that run ahead', async () => {
    await tellLogs([
      logRecord('d1', NOW_MS),
      logRecord('old', NOW_MS - 7.5 * DAY_MS),
      logRecord('future', NOW_MS + HOUR_MS),
      logRecord('server', NOW_MS, {
        resource: deviceResource('server', { 'service.name': 'ota-service' }),
      }),
    ]);
    expect((await healthAt(NOW_MS)).devices).toEqual(['d1']);
  });
});

describe('silence', () => {
  it('never heals, and ends in unknown', async () => {
    const crash = { eventName: 'flotilla.firmware.crash', severityNumber: 21 };
    await tellMetrics('d1', {
      'system.cpu.utilization': [
        [NOW_MS - 14 * MINUTE_MS, 0.95],
        [NOW_MS, 0.9],
      ],
      'system.memory.utilization': [[NOW_MS, 0.85, { 'system.memory.state': 'used' }]],
      'system.filesystem.utilization': [[NOW_MS, 0.9]],
      'hw.temperature': [[NOW_MS - HOUR_MS, 80]],
    });
    await tellLogs([
      logRecord('d1', NOW_MS - 23 * HOUR_MS, crash),
      logRecord('d1', NOW_MS - 5 * MINUTE_MS, crash),
      logRecord('d1', NOW_MS - 2 * MINUTE_MS, { severityNumber: 17 }),
    ]);
    const hours = [0, 0.01, 0.1, 1, 2, 6, 23, 25, 48, 100, 160, 167.9];
    let before: Health | undefined;
    for (const [i, silentHours] of hours.entries()) {
      const { latest } = await healthAt(NOW_MS + silentHours * HOUR_MS);
      expect(latest, `${silentHours} h`).toBeDefined();
      if (before !== undefined) {
        expect(latest!.Score, `${silentHours} h`).toBeLessThanOrEqual(before.Score + 1e-9);
        expect(latest!.Confidence).toBeLessThanOrEqual(before.Confidence + 1e-12);
      }
      if (i === 0) expect(latest!.Status).not.toBe('unknown');
      before = latest;
    }
    expect(before!.Status).toBe('unknown');
  });
});

describe('update events', () => {
  it('are one row per report, whichever way and however often it came', async () => {
    const attributes = updateEventAttributes({
      reportId: 'r1',
      campaignId: 'cmp_000000000000',
      phase: 2,
      round: 3,
      state: 'rolled_back',
      reason: 'trial_crashed',
      fromVersion: '1.0.0',
      toVersion: '1.1.0',
      transferBytes: 4_294_967_296,
      usedDelta: true,
      occurredAt: new Date(NOW_MS).toISOString(),
    });
    const event = { eventName: 'flotilla.update', attributes };
    await tellLogs([
      logRecord('d1', NOW_MS, event),
      logRecord('d1', NOW_MS, event),
      logRecord('d1', NOW_MS, {
        ...event,
        resource: deviceResource('d1', { 'service.name': 'ota-service' }),
      }),
      // Another device that claims the same report speaks only for itself.
      logRecord('d2', NOW_MS, {
        ...event,
        attributes: { ...attributes, 'flotilla.update.state': 'confirmed' },
      }),
      logRecord('d1', NOW_MS, { eventName: 'flotilla.update', attributes: {} }),
    ]);
    const rows = await rowsOf(
      stage.warehouse.compute,
      'SELECT * FROM flotilla_update_events ORDER BY DeviceId',
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]).toEqual({
      ReportId: 'r1',
      CampaignId: 'cmp_000000000000',
      DeviceId: 'd1',
      Phase: 2,
      Round: 3,
      State: 'rolled_back',
      Outcome: 'rolled_back',
      Reason: 'trial_crashed',
      FromVersion: '1.0.0',
      ToVersion: '1.1.0',
      TransferBytes: 4_294_967_296,
      UsedDelta: 1,
      OccurredAt: new Date(NOW_MS).toISOString().replace('T', ' ').replace('Z', '000000'),
      FromOta: 1,
    });
    expect(rows[1]).toMatchObject({ DeviceId: 'd2', FromOta: 0 });
  });
});
