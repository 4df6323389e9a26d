import { readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { SERVICE_NAME_OTA } from '@flotilla/contracts';

export interface UpdateEvent {
  readonly ReportId: string;
  readonly CampaignId: string;
  readonly DeviceId: string;
  readonly Phase: number;
  readonly Round: number;
  readonly State: string;
  readonly Outcome: string;
  /** Milliseconds since the epoch. */
  readonly occurredAtMs: number;
  /** Who wrote it; ota-service when left out. */
  readonly serviceName?: string;
}

/** The warehouse's own definitions, so that a query is tested against what it will really read. */
const pipelineSql = (file: string) =>
  readFileSync(new URL(`../../../pipeline/sql/${file}`, import.meta.url), 'utf8');

const TABLES = [
  '001-otel-logs',
  '002-otel-metrics-gauge',
  '017-update-reports',
  '018-rollup-marks',
];

/** A real chDB in memory, with the tables and the view over them; one per process. */
export async function openEmbeddedWarehouse(): Promise<ClickHouseClient> {
  const connection = createChdbConnection({ path: ':memory:' });
  // The client's type of the hook and chDB's own are declared apart from each other.
  const options = { connection } as unknown as Parameters<typeof createClient>[0];
  const warehouse = createClient(options);
  for (const file of TABLES) await warehouse.command({ query: pipelineSql(`schema/${file}.sql`) });
  await createUpdateEventsView(warehouse);
  for (const view of ['firmware-crashes', 'guard-readings']) {
    await warehouse.command({ query: pipelineSql(`canary/${view}.sql`) });
  }
  return warehouse;
}

export async function createUpdateEventsView(warehouse: ClickHouseClient): Promise<void> {
  await warehouse.command({ query: pipelineSql('canary/update-events.sql') });
}

export async function forgetUpdateEvents(warehouse: ClickHouseClient): Promise<void> {
  await warehouse.command({ query: 'TRUNCATE TABLE otel_logs' });
}

/** As the pipeline loads the log records that ota-service, or a device, wrote. */
export async function insertUpdateEvents(
  warehouse: ClickHouseClient,
  events: readonly UpdateEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await warehouse.insert({
    table: 'otel_logs',
    format: 'JSONEachRow',
    values: events.map((event) => ({
      Timestamp: new Date(event.occurredAtMs).toISOString().replace('T', ' ').replace('Z', ''),
      ServiceName: event.serviceName ?? SERVICE_NAME_OTA,
      EventName: 'flotilla.update',
      ResourceAttributes: { 'device.id': event.DeviceId },
      LogAttributes: {
        'flotilla.report.id': event.ReportId,
        'flotilla.campaign.id': event.CampaignId,
        'flotilla.campaign.phase': String(event.Phase),
        'flotilla.campaign.round': String(event.Round),
        'flotilla.update.state': event.State,
        ...(event.Outcome !== '' && { 'flotilla.update.outcome': event.Outcome }),
      },
    })),
  });
}
