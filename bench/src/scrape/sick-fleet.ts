import { readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import type { Database } from '@flotilla/ota-service/src/db/database.ts';
import { createChdbConnection } from 'chdb/connection';
import { sql, type Kysely } from 'kysely';

const pipelineSql = (file: string) =>
  readFileSync(new URL(`../../../pipeline/sql/${file}.sql`, import.meta.url), 'utf8');

const TABLES = [
  'schema/008-health-observations',
  'schema/036-health-observations-identity',
  'schema/009-device-health',
  'health/signals',
  'health/device-signals-latest',
];

const COMPUTED_AT = "toDateTime64('now_at', 3, 'UTC')";

/** A warehouse in which every signal of every device is beyond its good range. */
export async function openSickFleet(devices: number): Promise<ClickHouseClient> {
  const connection = createChdbConnection({ path: ':memory:' });
  // The client's type of the hook and chDB's own are declared apart from each other.
  const options = { connection } as unknown as Parameters<typeof createClient>[0];
  const warehouse = createClient(options);
  for (const file of TABLES) await warehouse.command({ query: pipelineSql(file) });
  const now = new Date().toISOString().replace('T', ' ').replace('Z', '');
  const at = COMPUTED_AT.replace('now_at', now);
  await warehouse.command({
    query: `INSERT INTO flotilla_health_observations
      (ComputedAt, DeviceId, Model, FirmwareVersion, Signal, Value, AgeSeconds)
      SELECT ${at}, concat('device-', toString(number)), concat('model-', toString(number % 12)),
        concat('1.', toString(intDiv(number, 12) % 10), '.0'), s.Signal,
        s.Good + (s.Bad - s.Good) * (1 + number % 100) / 100, number % 1000
      FROM numbers(${String(devices)}) AS n CROSS JOIN flotilla_health_signals AS s`,
  });
  await warehouse.command({
    query: `INSERT INTO flotilla_device_health (ComputedAt, DeviceId, Score, Confidence, Status, Contributions)
      SELECT ${at}, concat('device-', toString(number)), number % 101, 1, 'critical', map()
      FROM numbers(${String(devices)})`,
  });
  return warehouse;
}

export async function fillRegistry(database: Kysely<Database>, devices: number): Promise<void> {
  const now = Date.now();
  await sql`with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ${devices})
    insert into devices (id, model, group_name, lifecycle, firmware_version, created_at_ms, last_seen_at_ms)
    select 'device-' || i, 'model-' || (i % 12), 'group-' || (i % 40), 'active',
      '1.' || ((i / 12) % 10) || '.0', ${now}, ${now} - (i % 100) * 6000 from n`.execute(database);
}
