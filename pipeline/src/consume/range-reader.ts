import {
  HEADER_UNREADABLE_BATCH,
  type LogConsumer,
  type StoredRecord,
  type TopicPartition,
} from '@flotilla/event-log';
import type { BatchLedger } from '../load/batch-ledger.ts';
import { batchNameOf, encodeRange, NO_LIMITS, type EncodedRange } from './encoded-range.ts';
import type { OffsetRange } from './pending-range.ts';

export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** How long the first record of a batch waits for others. */
  readonly maxAgeMs: number;
}

/** The log gives nothing where it had something before; it may again. */
export class RecordsMissingError extends Error {
  override readonly name = 'RecordsMissingError';
}

/** Cuts a partition into encoded ranges. Offsets may have gaps: a transaction's end, compaction. */
export class RangeReader {
  readonly #consumer: LogConsumer;
  readonly #ledger: Pick<BatchLedger, 'open' | 'close' | 'known'>;
  readonly limits: BatchLimits;

  constructor(
    consumer: LogConsumer,
    ledger: Pick<BatchLedger, 'open' | 'close' | 'known'>,
    limits: BatchLimits,
  ) {
    this.#consumer = consumer;
    this.#ledger = ledger;
    this.limits = limits;
  }

  /** Called when the partition becomes ours, before any of it is read. */
  open(partition: TopicPartition): void {
    this.#ledger.open(partition);
  }

  /** Called when it is ours no more. */
  close(partition: TopicPartition): void {
    this.#ledger.close(partition);
  }

  /**
   * The next range from `offset` on, or null at the end. `unstored` are batches of earlier ranges that
   * the ledger may not know yet.
   */
  async next(
    partition: TopicPartition,
    offset: number,
    unstored: ReadonlySet<string>,
  ): Promise<EncodedRange | null> {
    const { maxRows, maxBytes } = this.limits;
    const records = await this.#consumer.read(partition, offset, {
      maxRecords: maxRows,
      maxBytes: Math.ceil(maxBytes / 2),
    });
    const [first] = records;
    if (first === undefined) return null;
    const known = await this.#known(partition, records, first.offset);
    for (const key of unstored) known.add(key);
    const encoded = await encodeRange(partition, records, known, { maxRows, maxBytes });
    return { ...encoded, lostRecords: await this.#lost(partition, offset, first.offset) };
  }

  /**
   * All that the log holds of `range`, however the limits are set now. Rejects with RecordsMissingError
   * when it gives nothing although the range's last record was there: that shows nothing yet, since a
   * broker that restarts or throttles gives nothing for a while.
   */
  async exactly(partition: TopicPartition, range: OffsetRange): Promise<EncodedRange> {
    const records: StoredRecord[] = [];
    let at = range.start;
    while (at < range.end) {
      const limits = { maxRecords: range.end - at, maxBytes: this.limits.maxBytes };
      const read = await this.#consumer.read(partition, at, limits);
      const last = read.at(-1);
      if (last === undefined) {
        const place = `${partition.topic}/${partition.partition}`;
        throw new RecordsMissingError(`${place} gives nothing from ${at} on, of ${range.end}`);
      }
      records.push(...read.filter((record) => record.offset < range.end));
      at = last.offset + 1;
    }
    const known = await this.#known(partition, records, range.start);
    const encoded = await encodeRange(partition, records, known, NO_LIMITS);
    const first = records[0]?.offset ?? range.end;
    return { ...encoded, range, lostRecords: await this.#lost(partition, range.start, first) };
  }

  /**
   * Records are lost when the log's oldest lies beyond where we were; else it is a gap. A batch that
   * cannot be read stands at its last offset: what it held is there, and becomes a dead letter.
   */
  async #lost(partition: TopicPartition, expected: number, found: number): Promise<number> {
    if (found === expected) return 0;
    const one = { maxRecords: 1, maxBytes: 1 };
    const [oldest] = await this.#consumer.read(partition, 0, one);
    if (oldest?.headers[HEADER_UNREADABLE_BATCH] !== undefined) return 0;
    const start = Math.min(oldest?.offset ?? found, found);
    return Math.max(0, start - expected);
  }

  async #known(
    partition: TopicPartition,
    records: readonly StoredRecord[],
    before: number,
  ): Promise<Set<string>> {
    const names = records.flatMap((record) => batchNameOf(record) ?? []);
    if (names.length === 0) return new Set();
    return new Set(await this.#ledger.known(partition, names, before));
  }
}
