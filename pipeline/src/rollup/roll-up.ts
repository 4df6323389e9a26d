import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';

/** A table kept by copying closed arrivals out of others. */
export interface Rollup {
  readonly name: string;
  readonly sources: readonly string[];
  /** Takes `from_s` and `until_s`; repeating it changes nothing. */
  readonly statement: string;
  /** How many seconds of arrivals one step takes at most, so that none grows without bound. */
  readonly stepSeconds: number;
}

export const UPDATE_REPORTS: Rollup = {
  name: 'update_reports',
  sources: ['otel_logs'],
  statement: sqlFile('rollup/update-reports.sql'),
  stepSeconds: 6 * 3600,
};
export const METRICS_5M: Rollup = {
  name: 'metrics_5m',
  sources: ['otel_metrics_gauge'],
  statement: sqlFile('rollup/metrics-5m.sql'),
  stepSeconds: 6 * 3600,
};
export const DEVICE_SNAPSHOTS: Rollup = {
  name: 'device_snapshots',
  sources: ['otel_metrics_gauge', 'otel_logs'],
  statement: sqlFile('rollup/device-snapshots.sql'),
  stepSeconds: 3600,
};

const MARKS = sqlFile('rollup/marks.sql');
const marksSchema = z.tuple([z.object({ FromSeconds: z.number(), UntilSeconds: z.number() })]);

interface Arrivals {
  readonly fromSeconds: number;
  readonly untilSeconds: number;
}

/**
 * Copies the next closed arrivals, then writes down how far. A crash in between, or a second pipeline
 * process at the same work, repeats a copy that changes nothing. Resolves to what was copied, or null
 * when nothing is closed yet.
 */
export async function rollUp(client: ClickHouseClient, rollup: Rollup): Promise<Arrivals | null> {
  const next = await nextArrivals(client, rollup);
  if (next === null) return null;
  await client.command({
    query: rollup.statement,
    clickhouse_settings: parameterSettings({
      from_s: next.fromSeconds,
      until_s: next.untilSeconds,
    }),
  });
  await client.insert({
    table: 'flotilla_rollup_marks',
    format: 'JSONEachRow',
    values: [{ Rollup: rollup.name, Until: next.untilSeconds }],
  });
  return next;
}

/** From the mark on or, where there is none yet, from the first arrival in any of the sources. */
async function nextArrivals(client: ClickHouseClient, rollup: Rollup): Promise<Arrivals | null> {
  let next: Arrivals | null = null;
  for (const table of rollup.sources) {
    const result = await client.query({
      query: MARKS,
      format: 'JSONEachRow',
      clickhouse_settings: parameterSettings({
        rollup: rollup.name,
        table,
        step_s: rollup.stepSeconds,
      }),
    });
    const [{ FromSeconds: from, UntilSeconds: until }] = marksSchema.parse(await result.json());
    // A source without a row gives 0 for the start.
    const isClosed = from > 0 && until > from;
    if (isClosed && from < (next?.fromSeconds ?? Infinity)) {
      next = { fromSeconds: from, untilSeconds: until };
    }
  }
  return next;
}
