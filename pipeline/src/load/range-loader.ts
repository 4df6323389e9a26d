import type { RangeBatch } from '../consume/range-batch.ts';
import type { Confirm } from '../consume/range-store.ts';
import { TELEMETRY_TABLES } from '../decode/tables.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { BatchLedger } from './batch-ledger.ts';
import type { TableLoader } from './table-loader.ts';

/** Stores one batch: its rows table by table, then the ledger of batches. */
export class RangeLoader {
  readonly #tables: TableLoader;
  readonly #ledger: BatchLedger;
  readonly #metrics: PipelineMetrics;

  constructor(tables: TableLoader, ledger: BatchLedger, metrics: PipelineMetrics) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.#metrics = metrics;
  }

  /** `confirm` is asked before each insert whether it may still be made; its refusal is passed on. */
  async store({ ranges, insert, isRepeat }: RangeBatch, confirm: Confirm): Promise<void> {
    const counts = new Map<string, number>();
    for (const table of TELEMETRY_TABLES) {
      const parts = ranges.flatMap(({ range, rows }) => {
        const ofTable = rows.tables().find((each) => each.table === table);
        return ofTable === undefined ? [] : [{ source: rows.source, range, rows: ofTable }];
      });
      if (parts.length === 0) continue;
      await confirm();
      const observe = this.#metrics.insertSeconds.startTimer({ table });
      await this.#tables.store(parts, insert, isRepeat);
      observe();
      counts.set(
        table,
        parts.reduce((sum, { rows }) => sum + rows.count, 0),
      );
    }
    await confirm();
    await this.#ledger.record(ranges, insert, isRepeat);
    for (const [table, count] of counts) this.#metrics.rows.inc({ table }, count);
  }
}
