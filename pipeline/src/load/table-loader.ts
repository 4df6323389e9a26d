import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { OffsetRange } from '../consume/pending-range.ts';
import type { TableRows } from '../decode/table-rows.ts';
import { TABLES, type TelemetryTable } from '../decode/tables.ts';
import { parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';
import type { InsertSink } from './insert-sink.ts';

export interface RowsOfRange {
  /** `topic/partition`. */
  readonly source: string;
  readonly range: OffsetRange;
  readonly rows: TableRows;
}

const PRESENT_ROWS = sqlFile('load/present-rows.sql');
const presentSchema = z.array(z.object({ RowKey: z.string() }));

/**
 * Puts the rows of one range into one table, exactly once. The insert carries a deduplication token
 * made of table and range, which makes a repeat harmless while the engine remembers it.
 *
 * That is not enough after a crash: the engine writes the token down before the part becomes visible,
 * so a kill in between leaves a token without its rows, and the repeat would be dropped. So an insert
 * whose outcome is not known is repeated and then checked by the rows' places in the log; what is
 * missing is inserted under the next of a fixed row of tokens. Of two processes that repeat one range at
 * a time, as when one was stopped and goes on after another took over, both come to the first token that
 * is not used up, and the engine takes one of them.
 */
export class TableLoader {
  readonly #sink: InsertSink;
  readonly #client: ClickHouseClient;

  constructor(sink: InsertSink, client: ClickHouseClient) {
    this.#sink = sink;
    this.#client = client;
  }

  /** `isRepeat`: an earlier attempt of this very range may have stored some of the rows. */
  async store(batch: RowsOfRange, isRepeat: boolean): Promise<void> {
    const { source, range, rows } = batch;
    const token = `${source}/${range.start}-${range.end}/${rows.table}`;
    await this.#insert(rows.table, rows.parts(), token);
    if (!isRepeat) return;
    let missing = await this.#missing(batch);
    for (let attempt = 2; missing !== null; attempt += 1) {
      await this.#insert(rows.table, missing, `${token}/${attempt}`);
      missing = await this.#missing(batch);
    }
  }

  #insert(table: TelemetryTable, parts: readonly Buffer[], token: string): Promise<void> {
    return this.#sink.insert({ table, columns: TABLES[table].columns, parts, token });
  }

  async #missing({ source, range, rows }: RowsOfRange): Promise<Buffer[] | null> {
    const result = await this.#client.query({
      query: PRESENT_ROWS,
      format: 'JSONEachRow',
      clickhouse_settings: parameterSettings({
        table: rows.table,
        time_column: TABLES[rows.table].timeColumn,
        source,
        from_offset: range.start,
        to_offset: range.end,
      }),
    });
    const present = new Set(presentSchema.parse(await result.json()).map(({ RowKey: key }) => key));
    return rows.missing(present);
  }
}
