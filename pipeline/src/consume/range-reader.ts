import type { LogConsumer, StoredRecord, TopicPartition } from '@flotilla/event-log';
import type { BatchLedger } from '../load/batch-ledger.ts';
import { batchNameOf, encodeRange, NO_LIMITS, type EncodedRange } from './encoded-range.ts';
import type { OffsetRange } from './pending-range.ts';

export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** How long the first record of a batch waits for others. */
  readonly maxAgeMs: number;
}

/** The log no longer has what it promised to keep until it was committed. */
export class LostRecordsError extends Error {
  override readonly name = 'LostRecordsError';
}

/** Cuts a partition into encoded ranges. */
export class RangeReader {
  readonly #consumer: LogConsumer;
  readonly #ledger: Pick<BatchLedger, 'known'>;
  readonly limits: BatchLimits;

  constructor(consumer: LogConsumer, ledger: Pick<BatchLedger, 'known'>, limits: BatchLimits) {
    this.#consumer = consumer;
    this.#ledger = ledger;
    this.limits = limits;
  }

  /**
   * The next range from `offset`, or null at the end. `unstored` are batches of earlier ranges that
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
    return encodeRange(partition, records, known, { maxRows, maxBytes });
  }

  /** Exactly the records of `range`, however the limits are set now. */
  async exactly(partition: TopicPartition, range: OffsetRange): Promise<EncodedRange> {
    const records: StoredRecord[] = [];
    let at = range.start;
    while (at < range.end) {
      const limits = { maxRecords: range.end - at, maxBytes: this.limits.maxBytes };
      const read = await this.#consumer.read(partition, at, limits);
      const within = read.filter((record) => record.offset < range.end);
      const last = within.at(-1);
      if (last === undefined || within[0]?.offset !== at) {
        throw new LostRecordsError(
          `${partition.topic}/${partition.partition} has no record ${at}, which was not stored yet`,
        );
      }
      records.push(...within);
      at = last.offset + 1;
    }
    const known = await this.#known(partition, records, range.start);
    return { ...(await encodeRange(partition, records, known, NO_LIMITS)), range };
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
