import type { ClickHouseClient } from '@clickhouse/client';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';

const FORECAST = sqlFile('maintenance/forecast-disks.sql');

/** Forecasts when the file systems of all devices will be full; repeating it for one time changes nothing. */
export async function forecastDisks(client: ClickHouseClient, nowMs: number): Promise<void> {
  await client.command({
    query: FORECAST,
    clickhouse_settings: parameterSettings({ computed_at_s: Math.floor(nowMs / 1000) }),
  });
}
