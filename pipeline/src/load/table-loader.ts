import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { z } from 'zod';
import type { OffsetRange } from '../consume/pending-range.ts';
import type { TelemetryTable } from '../decode/rows.ts';
import type { RawJson } from '../decode/timestamp.ts';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';

/** A row as it is inserted, with the place in the log it came from. */
export interface StampedRow {
  readonly IngestSource: string;
  readonly IngestOffset: number;
}

export interface RowsOfRange {
  readonly table: TelemetryTable;
  /** `topic/partition`. */
  readonly source: string;
  readonly range: OffsetRange;
  readonly rows: readonly StampedRow[];
}

/** Inserts that must not be split, delayed, or refused for touching many days. */
export const INSERT_SETTINGS: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  max_partitions_per_insert_block: '0',
  input_format_parallel_parsing: 0,
};

const PRESENT_ROWS = sqlFile('load/present-rows.sql');
const presentSchema = z.array(z.object({ RowKey: z.string() }));

/**
 * Puts the rows of one range into one table, exactly once. The insert carries a deduplication token
 * made of table and range, which makes a repeat harmless while the engine remembers it.
 *
 * That is not enough after a crash: the engine writes the token down before the part becomes visible,
 * so a kill in between leaves a token without its rows, and the repeat would be dropped. So an insert
 * whose outcome is not known is repeated and then checked by the rows' places in the log; what is
 * missing is inserted under a new token.
 */
export class TableLoader {
  readonly #client: ClickHouseClient;
  readonly #newId: () => string;

  constructor(client: ClickHouseClient, newId: () => string) {
    this.#client = client;
    this.#newId = newId;
  }

  /** `isRepeat`: an earlier attempt of this very range may have stored some of the rows. */
  async store(batch: RowsOfRange, isRepeat: boolean): Promise<void> {
    const { source, range, table } = batch;
    await this.#insert(batch, batch.rows, `${source}/${range.start}-${range.end}/${table}`);
    if (!isRepeat) return;
    for (let missing = await this.#missing(batch); missing.length > 0;) {
      await this.#insert(batch, missing, `${source}/${range.start}-${range.end}/${this.#newId()}`);
      missing = await this.#missing(batch);
    }
  }

  async #insert(batch: RowsOfRange, rows: readonly StampedRow[], token: string): Promise<void> {
    await this.#client.insert({
      table: batch.table,
      format: 'JSONEachRow',
      values: rows,
      clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
    });
  }

  async #missing(batch: RowsOfRange): Promise<StampedRow[]> {
    const result = await this.#client.query({
      query: PRESENT_ROWS,
      format: 'JSONEachRow',
      clickhouse_settings: parameterSettings({
        table: batch.table,
        time_column: timeColumn(batch.table),
        source: batch.source,
        from_offset: batch.range.start,
        to_offset: batch.range.end,
      }),
    });
    const present = new Set(presentSchema.parse(await result.json()).map(({ RowKey: key }) => key));
    return batch.rows.filter((row) => !present.has(rowKey(batch.table, row)));
  }
}

function timeColumn(table: TelemetryTable): 'Timestamp' | 'TimeUnix' {
  return table === 'otel_logs' ? 'Timestamp' : 'TimeUnix';
}

function rowKey(table: TelemetryTable, row: StampedRow): string {
  const time = (row as StampedRow & Record<string, RawJson>)[timeColumn(table)];
  return `${row.IngestOffset}:${time?.rawJSON ?? ''}`;
}
