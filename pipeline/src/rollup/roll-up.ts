import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';

/** A table kept by copying closed arrivals out of another. */
export interface Rollup {
  readonly name: string;
  readonly source: string;
  /** Takes `from_s` and `until_s`; repeating it changes nothing. */
  readonly statement: string;
}

export const UPDATE_REPORTS: Rollup = {
  name: 'update_reports',
  source: 'otel_logs',
  statement: sqlFile('rollup/update-reports.sql'),
};
export const METRICS_5M: Rollup = {
  name: 'metrics_5m',
  source: 'otel_metrics_gauge',
  statement: sqlFile('rollup/metrics-5m.sql'),
};

const MARKS = sqlFile('rollup/marks.sql');
const marksSchema = z.tuple([z.object({ FromSeconds: z.number(), UntilSeconds: z.number() })]);

/**
 * Copies the next closed arrivals, then writes down how far. A crash in between, or a second pipeline
 * process at the same work, repeats a copy that changes nothing. Resolves to whether there was any.
 */
export async function rollUp(client: ClickHouseClient, rollup: Rollup): Promise<boolean> {
  const result = await client.query({
    query: MARKS,
    format: 'JSONEachRow',
    clickhouse_settings: parameterSettings({ rollup: rollup.name, table: rollup.source }),
  });
  const [{ FromSeconds: from, UntilSeconds: until }] = marksSchema.parse(await result.json());
  // No row at all gives 0 for the start, and an end six hours later.
  if (from === 0 || until <= from) return false;
  await client.command({
    query: rollup.statement,
    clickhouse_settings: parameterSettings({ from_s: from, until_s: until }),
  });
  await client.insert({
    table: 'flotilla_rollup_marks',
    format: 'JSONEachRow',
    values: [{ Rollup: rollup.name, Until: until }],
  });
  return true;
}
