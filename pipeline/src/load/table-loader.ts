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
 * Puts rows into one table, exactly once. The insert carries a deduplication token, which makes a
 * repeat harmless while the engine remembers it: made of table and range or, where ranges of several
 * partitions share an insert, of table and the insert's name.
 *
 * That is not enough after a crash: the engine writes the token down before the part becomes visible,
 * so a kill in between leaves a token without its rows, and the repeat would be dropped. And a shared
 * insert cannot be repeated as it was once its partitions belong to several members. So of a range
 * whose outcome is not known, the rows' places in the log are asked for. What is missing is inserted
 * under the first attempt's token: afterwards that token is used up for good, whether by these rows or by
 * a first attempt that was still on its way, and the latter can no longer come in beside them. What is
 * missing then goes in under the next of a row of tokens that are the range's own. Of two processes that
 * repeat one range at a time, as when one was stopped and goes on after another took over, both come to
 * the first token that is not used up, and the engine takes one of them.
 */
export class TableLoader {
  readonly #sink: InsertSink;
  readonly #client: ClickHouseClient;

  constructor(sink: InsertSink, client: ClickHouseClient) {
    this.#sink = sink;
    this.#client = client;
  }

  /**
   * `ranges` hold rows of one table, and at least one has some. `insert` names the insert they share or
   * once shared; null for a range that has its own. `isRepeat`: an earlier attempt may have stored some
   * of the rows.
   */
  async store(
    ranges: readonly RowsOfRange[],
    insert: string | null,
    isRepeat: boolean,
  ): Promise<void> {
    const [first, ...others] = ranges;
    if (first === undefined) return;
    const { table } = first.rows;
    const token = `${insert ?? placeOf(first)}/${table}`;
    if (isRepeat) {
      for (const range of ranges) await this.#restore(range, token);
    } else {
      const parts = first.rows.parts(others.map(({ rows }) => rows));
      await this.#insert(table, parts, token);
    }
  }

  async #restore(range: RowsOfRange, firstToken: string): Promise<void> {
    const { table } = range.rows;
    let token = firstToken;
    for (let attempt = 2; ; attempt += 1) {
      const missing = await this.#missing(range);
      if (missing === null) return;
      await this.#insert(table, missing, token);
      token = `${placeOf(range)}/${table}/${attempt}`;
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

function placeOf({ source, range }: RowsOfRange): string {
  return `${source}/${range.start}-${range.end}`;
}
