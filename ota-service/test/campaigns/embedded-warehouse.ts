import { readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';

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
}

const table = readFileSync(new URL('update-events-table.sql', import.meta.url), 'utf8');

/** A real chDB in memory with an empty `flotilla_update_events`; one per process. */
export async function openEmbeddedWarehouse(): Promise<ClickHouseClient> {
  const connection = createChdbConnection({ path: ':memory:' });
  // The client's type of the hook and chDB's own are declared apart from each other.
  const options = { connection } as unknown as Parameters<typeof createClient>[0];
  const warehouse = createClient(options);
  await warehouse.command({ query: table });
  return warehouse;
}

export async function insertUpdateEvents(
  warehouse: ClickHouseClient,
  events: readonly UpdateEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await warehouse.insert({
    table: 'flotilla_update_events',
    format: 'JSONEachRow',
    values: events.map(({ occurredAtMs, ...event }) => ({
      ...event,
      OccurredAt: new Date(occurredAtMs).toISOString().replace('T', ' ').replace('Z', ''),
    })),
  });
}
