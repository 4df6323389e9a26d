import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';

const ROLLUP = 'update_reports';
const MARKS = sqlFile('rollup/marks.sql');
const COPY = sqlFile('rollup/update-reports.sql');
const marksSchema = z.tuple([z.object({ FromSeconds: z.number(), UntilSeconds: z.number() })]);

/**
 * Copies the reports of updates whose arrival is closed into their own table, then writes down how far.
 * A crash in between, or a second pipeline process at the same work, repeats a copy that changes nothing.
 * Resolves to whether anything was closed since the last time.
 */
export async function rollUpUpdateReports(client: ClickHouseClient): Promise<boolean> {
  const result = await client.query({
    query: MARKS,
    format: 'JSONEachRow',
    clickhouse_settings: parameterSettings({ rollup: ROLLUP }),
  });
  const [{ FromSeconds: from, UntilSeconds: until }] = marksSchema.parse(await result.json());
  if (until <= from) return false;
  await client.command({
    query: COPY,
    clickhouse_settings: parameterSettings({ from_s: from, until_s: until }),
  });
  await client.insert({
    table: 'flotilla_rollup_marks',
    format: 'JSONEachRow',
    values: [{ Rollup: ROLLUP, Until: until }],
  });
  return true;
}
