import type { DecodedRecord } from '../consume/decoded-range.ts';
import { batchNameOf, receivedAtMsOf } from '../consume/decoded-range.ts';
import type { OffsetRange } from '../consume/pending-range.ts';
import { TELEMETRY_TABLES, type DecodedRows } from '../decode/rows.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { BatchLedger, IngestedBatch } from './batch-ledger.ts';
import type { StampedRow, TableLoader } from './table-loader.ts';

type Fresh = Extract<DecodedRecord, { rows: DecodedRows }>;

export interface FreshRange {
  readonly topic: string;
  readonly partition: number;
  readonly range: OffsetRange;
  readonly records: readonly Fresh[];
}

/** Stores the records of one range: their rows table by table, then the ledger of batches. */
export class RangeLoader {
  readonly #tables: TableLoader;
  readonly #ledger: BatchLedger;
  readonly #metrics: PipelineMetrics;

  constructor(tables: TableLoader, ledger: BatchLedger, metrics: PipelineMetrics) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.#metrics = metrics;
  }

  async store(fresh: FreshRange, isRepeat: boolean): Promise<void> {
    const { topic, partition, range, records } = fresh;
    const source = `${topic}/${partition}`;
    for (const table of TELEMETRY_TABLES) {
      const rows = stampedRows(records, table, source);
      if (rows.length === 0) continue;
      const observe = this.#metrics.insertSeconds.startTimer({ table });
      await this.#tables.store({ table, source, range, rows }, isRepeat);
      observe();
    }
    await this.#ledger.record({ topic, partition }, range, records.flatMap(ledgerRow), isRepeat);
    this.#count(records);
  }

  #count(records: readonly Fresh[]): void {
    for (const table of TELEMETRY_TABLES) {
      const rows = records.reduce((sum, record) => sum + record.rows[table].length, 0);
      if (rows > 0) this.#metrics.rows.inc({ table }, rows);
    }
  }
}

function stampedRows(
  records: readonly Fresh[],
  table: (typeof TELEMETRY_TABLES)[number],
  source: string,
): StampedRow[] {
  const stamped: StampedRow[] = [];
  for (const { record, rows } of records) {
    for (const row of rows[table]) {
      stamped.push({ ...row, IngestSource: source, IngestOffset: record.offset });
    }
  }
  return stamped;
}

function ledgerRow({ record, rowCount }: Fresh): IngestedBatch[] {
  const name = batchNameOf(record);
  if (name === null) return [];
  return [{ ...name, offset: record.offset, rowCount, receivedAtMs: receivedAtMsOf(record) }];
}
