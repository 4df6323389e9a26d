import type { EncodedRange } from '../consume/encoded-range.ts';
import type { Confirm } from '../consume/range-store.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { BatchLedger } from './batch-ledger.ts';
import type { TableLoader } from './table-loader.ts';

/** Stores one range: its rows table by table, then the ledger of batches. */
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
  async store(encoded: EncodedRange, isRepeat: boolean, confirm: Confirm): Promise<void> {
    const { partition, range, rows, batches } = encoded;
    const tables = rows.tables();
    for (const tableRows of tables) {
      await confirm();
      const observe = this.#metrics.insertSeconds.startTimer({ table: tableRows.table });
      await this.#tables.store({ source: rows.source, range, rows: tableRows }, isRepeat);
      observe();
    }
    await confirm();
    await this.#ledger.record(partition, range, batches, isRepeat);
    for (const { table, count } of tables) this.#metrics.rows.inc({ table }, count);
  }
}
