import type { LogConsumer, StoredRecord, TopicPartition } from '@flotilla/event-log';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeRecord, takeRows, type DecodedRecord } from './decoded-range.ts';
import type { OffsetRange } from './pending-range.ts';

export interface BatchLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Records decoded, and the range of offsets they stand for. */
export interface ReadRange {
  readonly range: OffsetRange;
  readonly records: readonly DecodedRecord[];
}

/** The log no longer has what it promised to keep until it was committed. */
export class LostRecordsError extends Error {
  override readonly name = 'LostRecordsError';
}

/** Cuts a partition into ranges for the loader. */
export class RangeReader {
  readonly #consumer: LogConsumer;
  readonly #limits: BatchLimits;
  readonly #clock: () => number;

  constructor(consumer: LogConsumer, limits: BatchLimits, clock: () => number) {
    this.#consumer = consumer;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The next range from `offset`, or null at the end. Waits for more until the batch is old enough. */
  async next(
    partition: TopicPartition,
    offset: number,
    signal: AbortSignal,
  ): Promise<ReadRange | null> {
    const limits = { maxRecords: this.#limits.maxRows, maxBytes: this.#limits.maxBytes };
    let records = await this.#consumer.read(partition, offset, limits);
    const [oldest] = records;
    if (oldest === undefined) return null;
    const waitMs = oldest.appendedAtMs + this.#limits.maxAgeMs - this.#clock();
    if (waitMs > 0 && !this.#isFull(records)) {
      await delay(Math.min(waitMs, this.#limits.maxAgeMs), undefined, { signal });
      records = await this.#consumer.read(partition, offset, limits);
    }
    const decoded = records.map(decodeRecord);
    const taken = decoded.slice(0, takeRows(decoded, this.#limits.maxRows));
    const start = taken[0]?.record.offset ?? offset;
    const end = (taken.at(-1)?.record.offset ?? offset) + 1;
    return { range: { start, end }, records: taken };
  }

  /** Exactly the records of `range`, however the limits are set now. */
  async exactly(partition: TopicPartition, range: OffsetRange): Promise<ReadRange> {
    const records: StoredRecord[] = [];
    let at = range.start;
    while (at < range.end) {
      const limits = { maxRecords: range.end - at, maxBytes: this.#limits.maxBytes };
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
    return { range, records: records.map(decodeRecord) };
  }

  #isFull(records: readonly StoredRecord[]): boolean {
    const bytes = records.reduce((sum, record) => sum + record.value.byteLength, 0);
    return records.length >= this.#limits.maxRows || bytes >= this.#limits.maxBytes / 2;
  }
}
