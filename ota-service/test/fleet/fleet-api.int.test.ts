import { readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { fleetSummarySchema, type HealthStatus, type Problem } from '@flotilla/contracts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FleetTelemetry } from '../../src/fleet/fleet-telemetry.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

describe('the fleet as a whole, without a warehouse', () => {
  let ota: OtaHarness;
  beforeEach(async () => {
    ota = await startHarness();
  });
  afterEach(async () => {
    await ota.close();
  });

  it('shows what the registry knows, and says that health is not known', async () => {
    await ota.operator('POST', '/api/v1/devices', { id: 'd-1', model: 'cam', group: 'berlin' });
    await ota.operator('POST', '/api/v1/devices', { id: 'd-2', model: 'cam', group: 'oslo' });
    const answer = await ota.operator('GET', '/api/v1/fleet/summary');
    const summary = fleetSummarySchema.parse(await answer.json());
    expect(summary).toMatchObject({
      devices: 2,
      health: null,
      versions: [{ version: null, devices: 2 }],
      groups: [{ group: 'berlin' }, { group: 'oslo' }],
    });
    expect(summary.worst.map(({ id }) => id)).toEqual(['d-1', 'd-2']);
  });

  it('has an answer for an empty fleet', async () => {
    const answer = await ota.operator('GET', '/api/v1/fleet/summary');
    expect(await answer.json()).toMatchObject({ devices: 0, worst: [], groups: [] });
  });

  it.each(['fleet/devices?status=critical', 'devices/d-1/resources', 'devices/d-1/logs'])(
    'refuses %s while the warehouse does not answer',
    async (path) => {
      const answer = await ota.operator('GET', `/api/v1/${path}`);
      expect(answer.status).toBe(503);
      expect(((await answer.json()) as Problem).code).toBe('unavailable');
    },
  );

  it('refuses what is no health status', async () => {
    expect((await ota.operator('GET', '/api/v1/fleet/devices?status=fine')).status).toBe(400);
  });
});

const pipelineSql = (file: string) =>
  readFileSync(new URL(`../../../pipeline/sql/schema/${file}.sql`, import.meta.url), 'utf8');

describe('the console’s questions to a real warehouse', () => {
  let warehouse: ClickHouseClient;
  let telemetry: FleetTelemetry;
  const nowMs = Date.now();
  const stamp = (agoMs: number) =>
    new Date(nowMs - agoMs).toISOString().replace('T', ' ').replace('Z', '');
  beforeAll(async () => {
    const connection = createChdbConnection({ path: ':memory:' });
    // The client's type of the hook and chDB's own are declared apart from each other.
    warehouse = createClient({ connection } as unknown as Parameters<typeof createClient>[0]);
    for (const file of ['001-otel-logs', '002-otel-metrics-gauge', '009-device-health']) {
      await warehouse.command({ query: pipelineSql(file) });
    }
    telemetry = new FleetTelemetry(warehouse);
    const health = (DeviceId: string, Status: HealthStatus, Score: number, agoMs: number) => ({
      DeviceId,
      ComputedAt: stamp(agoMs),
      Score,
      Confidence: 1,
      Status,
      Contributions: {},
    });
    await warehouse.insert({
      table: 'flotilla_device_health',
      format: 'JSONEachRow',
      values: [
        health('a', 'critical', 10, 120_000), // an older computation, when it was worse
        health('a', 'healthy', 95, 60_000),
        health('b', 'critical', 20, 60_000),
        health('c', 'critical', 15, 60_000),
        health('d', 'unknown', 3, 60_000),
      ],
    });
  });
  afterAll(async () => {
    await warehouse.close();
  });

  it('counts and ranks the newest computation only', async () => {
    const byStatus = await telemetry.countByStatus();
    expect(Object.fromEntries(byStatus)).toEqual({ critical: 2, healthy: 1, unknown: 1 });
    const ids = async (statuses: readonly HealthStatus[], limit: number, offset: number) =>
      (await telemetry.worst(statuses, limit, offset)).map(({ DeviceId }) => DeviceId);
    expect(await ids(['critical', 'degraded', 'unknown', 'healthy'], 10, 0)).toEqual([
      'c',
      'b',
      'd',
      'a',
    ]);
    expect(await ids(['critical'], 1, 1)).toEqual(['b']);
  });

  it('draws a device’s resources step by step', async () => {
    const point = (MetricName: string, Value: number, agoMs: number, device = 'a') => ({
      MetricName,
      Value,
      TimeUnix: stamp(agoMs),
      ResourceAttributes: { 'device.id': device },
    });
    await warehouse.insert({
      table: 'otel_metrics_gauge',
      format: 'JSONEachRow',
      values: [
        point('system.cpu.utilization', 0.2, 1000),
        point('system.cpu.utilization', 0.4, 1000),
        point('system.filesystem.utilization', 0.5, 1000),
        point('system.filesystem.utilization', 0.9, 1000),
        point('system.cpu.utilization', 0.9, 1000, 'b'),
        point('system.cpu.utilization', 0.9, 7_200_000),
        point('system.uptime', 12, 1000),
      ],
    });
    const series = await telemetry.resources('a', nowMs - 3_600_000, 60_000);
    expect(series.map(({ signal, points }) => [signal, points.map(({ value }) => value)])).toEqual([
      ['cpu', [expect.closeTo(0.3)]],
      ['memory', []],
      ['disk', [0.9]],
    ]);
  });

  it('reads a device’s log records, newest first, from a severity on', async () => {
    const record = (Body: string, SeverityNumber: number, agoMs: number, device = 'a') => ({
      Timestamp: stamp(agoMs),
      SeverityNumber,
      SeverityText: '',
      Body,
      ResourceAttributes: { 'device.id': device },
    });
    await warehouse.insert({
      table: 'otel_logs',
      format: 'JSONEachRow',
      values: [
        record('older', 17, 5000),
        record('newer', 13, 1000),
        record('chatter', 9, 500),
        record('of another', 17, 500, 'b'),
        record('of yesterday', 17, 90_000_000),
      ],
    });
    const options = { fromMs: nowMs - 86_400_000, limit: 10 };
    const bodies = async (minSeverity: number) =>
      (await telemetry.logs('a', { ...options, minSeverity })).map(({ body }) => body);
    expect(await bodies(0)).toEqual(['chatter', 'newer', 'older']);
    expect(await bodies(13)).toEqual(['newer', 'older']);
  });
});
