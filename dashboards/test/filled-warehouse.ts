import { readdirSync, readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';

export const DEVICE = 'device-07';
export const CAMPAIGN = 'cmp_story0000001';

const SQL = new URL('../../pipeline/sql/', import.meta.url);
const text = (file: string) => readFileSync(new URL(file, SQL), 'utf8');

/** In the order in which they build on each other. */
const VIEWS = [
  'canary/update-events.sql',
  'health/update-outcomes.sql',
  'health/signals.sql',
  'health/device-health-latest.sql',
  'health/device-signals-latest.sql',
];

/** A real chDB in memory with the pipeline's own tables and views, and a little of everything in them. */
export async function openFilledWarehouse(nowMs: number): Promise<ClickHouseClient> {
  const connection = createChdbConnection({ path: ':memory:' });
  // The client's type of the hook and chDB's own are declared apart from each other.
  const warehouse = createClient({ connection } as unknown as Parameters<typeof createClient>[0]);
  const schema = readdirSync(new URL('schema/', SQL))
    .filter((file) => /^\d{3}-.+\.sql$/.test(file))
    .sort();
  for (const file of schema) await warehouse.command({ query: text(`schema/${file}`) });
  for (const file of VIEWS) await warehouse.command({ query: text(file) });
  await fill(warehouse, nowMs);
  return warehouse;
}

const RESOURCES = {
  'system.cpu.utilization': 0.3,
  'system.memory.utilization': 0.5,
  'system.filesystem.utilization': 0.7,
};

async function fill(warehouse: ClickHouseClient, nowMs: number): Promise<void> {
  const stamp = (agoMs: number) =>
    new Date(nowMs - agoMs).toISOString().replace('T', ' ').replace('Z', '');
  const devices = ['device-01', DEVICE];
  const insert = (table: string, values: object[]) =>
    warehouse.insert({ table, format: 'JSONEachRow', values });
  const resource = (device: string) => ({ 'device.id': device, 'service.version': '1.1.0' });
  await insert(
    'otel_metrics_gauge',
    devices.flatMap((device) =>
      Object.entries(RESOURCES).flatMap(([MetricName, Value]) =>
        [10_000, 70_000, 130_000].map((agoMs) => ({
          MetricName,
          Value,
          TimeUnix: stamp(agoMs),
          ResourceAttributes: resource(device),
        })),
      ),
    ),
  );
  await insert(
    'otel_logs',
    devices.flatMap((device) => [
      logRecord(device, stamp(9000), 17, 'ERROR', 'sensor bus: no answer', {}),
      logRecord(device, stamp(8000), 9, 'INFO', 'calibration table loaded', {}),
      logRecord(device, stamp(7000), 9, 'INFO', 'update 1.0.0 -> 1.1.0', {
        'flotilla.report.id': `report-${device}`,
        'flotilla.campaign.id': CAMPAIGN,
        'flotilla.campaign.phase': '1',
        'flotilla.campaign.round': '1',
        'flotilla.update.state': device === DEVICE ? 'rolled_back' : 'confirmed',
        'flotilla.update.outcome': device === DEVICE ? 'rolled_back' : 'confirmed',
        ...(device === DEVICE && { 'flotilla.update.reason': 'trial_crashed' }),
        'flotilla.update.from_version': '1.0.0',
        'flotilla.update.to_version': '1.1.0',
      }),
    ]),
  );
  await fillHealth(insert, devices, stamp);
}

async function fillHealth(
  insert: (table: string, values: object[]) => Promise<unknown>,
  devices: readonly string[],
  stamp: (agoMs: number) => string,
): Promise<void> {
  await insert(
    'flotilla_health_observations',
    devices.map((DeviceId) => ({
      ComputedAt: stamp(5000),
      DeviceId,
      Signal: 'heartbeat_gap_ratio',
      Value: 1,
      AgeSeconds: 10,
    })),
  );
  await insert(
    'flotilla_device_health',
    devices.map((DeviceId) => ({
      ComputedAt: stamp(5000),
      DeviceId,
      Score: DeviceId === DEVICE ? 41 : 98,
      Confidence: 1,
      Status: DeviceId === DEVICE ? 'critical' : 'healthy',
      Contributions: { update_failures_7d: DeviceId === DEVICE ? 59 : 2 },
    })),
  );
  await insert('flotilla_ingested_batches', [
    {
      Topic: 'otlp_metrics',
      Partition: 0,
      Offset: 1,
      DeviceId: DEVICE,
      BatchId: 'batch-1',
      RowCount: 18,
      ReceivedAt: stamp(6000),
    },
  ]);
}

function logRecord(
  device: string,
  Timestamp: string,
  SeverityNumber: number,
  SeverityText: string,
  Body: string,
  LogAttributes: Record<string, string>,
) {
  return {
    Timestamp,
    SeverityNumber,
    SeverityText,
    Body,
    ServiceName: 'device-agent',
    EventName: 'flotilla.report.id' in LogAttributes ? 'flotilla.update' : '',
    LogAttributes,
    ResourceAttributes: { 'device.id': device },
  };
}
