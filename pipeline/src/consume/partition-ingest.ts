import { PartitionLostError, type LogConsumer, type TopicPartition } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import { batchKey } from '../load/batch-name.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { ByteBudget, ByteLease } from './byte-budget.ts';
import type { EncodedRange } from './encoded-range.ts';
import type { Waiting } from './is-due.ts';
import {
  donePosition,
  pendingPosition,
  pendingRange,
  type OffsetRange,
  type PendingRange,
} from './pending-range.ts';
import type { ReadyRange } from './range-batch.ts';
import type { BatchLimits, RangeReader } from './range-reader.ts';
import type { Turns } from './turns.ts';

/** The log is asked this often how far it goes, unless it told that something came. */
const LOOK_EVERY_MS = 100;
/** An insert begins at most this long after the log said that the partition is ours. */
const CONFIRMED_FOR_MS = 5_000;

export interface PartitionParts {
  readonly consumer: LogConsumer;
  readonly reader: RangeReader;
  readonly budget: ByteBudget;
  /** Calls of the consumer, and what follows from them, one after the other. */
  readonly turns: Turns;
  readonly metrics: PipelineMetrics;
  readonly logger: Logger;
  readonly clock: () => number;
}

interface Prepared {
  readonly encoded: EncodedRange;
  readonly lease: ByteLease;
  /** The insert it shares, once it is committed as pending. */
  readonly insert: string | null;
  /** An earlier attempt, perhaps another process's, may have stored some of it. */
  readonly isRepeat: boolean;
}

/**
 * Moves one partition: the range a former owner left pending first, then range after range. Each is
 * committed as pending before any of it is stored, and the offset moves past it afterwards, so what the
 * log says is pending covers all that may be stored. A step that fails changes nothing and can be
 * repeated.
 */
export class PartitionIngest {
  readonly partition: TopicPartition;
  readonly #parts: PartitionParts;
  /** The next offset to encode; null until the position was asked for. */
  #offset: number | null = null;
  /** How far the log goes, as it said last. */
  #end = 0;
  #lookedAtMs = -Infinity;
  #rangeRecords: number;
  #pending: PendingRange | null = null;
  /** To be stored again, before anything else. */
  #repeat: Prepared | null = null;
  #ahead: Prepared | null = null;
  #storing: Prepared | null = null;
  /** Stored, and not yet committed as done. */
  #stored: OffsetRange | null = null;
  #waitingSinceMs: number | null = null;
  #hasRoom = true;
  #confirmedAtMs = -Infinity;
  #isForgotten = false;

  constructor(partition: TopicPartition, parts: PartitionParts) {
    this.partition = partition;
    this.#parts = parts;
    this.#rangeRecords = parts.reader.limits.maxRows;
  }

  get isForgotten(): boolean {
    return this.#isForgotten;
  }

  /** When the oldest record that waits for company is due, or null when none waits. */
  get dueAtMs(): number | null {
    if (this.#storing !== null || this.#ahead !== null || !this.#hasRoom) return null;
    if (this.#waitingSinceMs === null) return null;
    return this.#waitingSinceMs + this.#parts.reader.limits.maxAgeMs;
  }

  get waiting(): Waiting {
    const isIdle = this.#pending === null && this.#ahead === null;
    return {
      isStoring: this.#storing !== null,
      backlogRecords: isIdle ? this.#end - (this.#offset ?? this.#end) : 0,
      rangeRecords: this.#rangeRecords,
      waitingSinceMs: this.#waitingSinceMs,
    };
  }

  /** What can be stored now, or null. */
  get ready(): ReadyRange | null {
    return this.#storing === null ? (this.#repeat ?? this.#ahead) : null;
  }

  /** Asks what there is. `hasNews`: something came since the last look. Rejects as the log does. */
  async look(hasNews: boolean): Promise<void> {
    if (this.#offset === null) await this.#resume();
    if (this.#pending !== null || this.#ahead !== null) return;
    const offset = this.#offset ?? 0;
    const nowMs = this.#parts.clock();
    const lookedAtMs = this.#lookedAtMs;
    if (!hasNews && nowMs >= lookedAtMs && nowMs < lookedAtMs + LOOK_EVERY_MS) return;
    this.#end = await this.#parts.consumer.endOffset(this.partition);
    this.#lookedAtMs = nowMs;
    this.#parts.metrics.lag.set({ ...this.partition }, this.#end - this.#storedOffset(offset));
    if (this.#end <= offset) this.#waitingSinceMs = null;
    // They may have come right after the last look; news tell when they came.
    else this.#waitingSinceMs ??= hasNews ? nowMs : Math.max(lookedAtMs, nowMs - LOOK_EVERY_MS);
  }

  /** Encodes what is to be stored next; new records only if they are due. Whether it did. */
  async prepare(isDue: boolean): Promise<boolean> {
    if (this.#pending !== null) return this.#prepareRepeat(this.#pending);
    return isDue && this.#ahead === null && (await this.#encodeAhead());
  }

  /**
   * Says that what is `ready` may be stored from now on, as part of `insert`, and returns it; a repeat
   * stays part of the insert that it belonged to at first.
   */
  async begin(insert: string | null): Promise<Pick<Prepared, 'encoded' | 'insert'> | null> {
    const next = this.ready === null ? null : (this.#repeat ?? this.#ahead);
    if (next === null) return null;
    const prepared = next.isRepeat ? next : { ...next, insert };
    await this.#commitPending(prepared);
    if (next === this.#repeat) this.#repeat = null;
    else this.#ahead = null;
    this.#storing = prepared;
    return prepared;
  }

  /** What `begin` returned is stored. */
  endStored(): void {
    this.#storing?.lease.release();
    this.#stored = this.#storing?.encoded.range ?? null;
    this.#storing = null;
  }

  /** Nobody knows how much of it is stored. */
  endFailed(): void {
    const prepared = this.#storing;
    this.#storing = null;
    if (this.#isForgotten) prepared?.lease.release();
    else if (prepared !== null) this.#repeat = { ...prepared, isRepeat: true };
  }

  /** Says that what is stored is; else the next owner repeats it for nothing. */
  async commitDone(): Promise<boolean> {
    const range = this.#stored;
    if (range === null || this.#storing !== null) return false;
    await this.#parts.consumer.commit(this.partition, donePosition(range));
    this.#stored = null;
    return true;
  }

  /** The partition is another member's now; what is being stored ends by itself. */
  forget(): void {
    if (this.#isForgotten) return;
    this.#isForgotten = true;
    this.#repeat?.lease.release();
    this.#ahead?.lease.release();
    this.#parts.reader.close(this.partition);
    this.#parts.metrics.lag.remove({ ...this.partition });
  }

  async #resume(): Promise<void> {
    const position = await this.#parts.consumer.committed(this.partition);
    this.#pending = position === null ? null : pendingRange(position);
    this.#parts.reader.open(this.partition);
    this.#offset = this.#pending?.end ?? position?.offset ?? 0;
  }

  async #prepareRepeat(pending: PendingRange): Promise<boolean> {
    const { reader, metrics, logger } = this.#parts;
    const { insert, start, end } = pending;
    const lease = this.#takeRoom();
    if (lease === null) return false;
    const encoded = await leased(lease, () => reader.exactly(this.partition, { start, end }));
    logger.info({ ...this.partition, ...pending }, 'repeating the range a former process began');
    metrics.replays.inc({ topic: this.partition.topic });
    this.#tellLost(encoded);
    this.#repeat = { encoded, lease, insert, isRepeat: true };
    this.#pending = null;
    return true;
  }

  async #encodeAhead(): Promise<boolean> {
    const { reader } = this.#parts;
    const offset = this.#offset ?? 0;
    const lease = this.#takeRoom();
    if (lease === null) return false;
    const encoded = await leased(lease, () =>
      reader.next(this.partition, offset, this.#unstored()),
    );
    if (encoded === null) {
      lease.release();
      return false;
    }
    this.#tellLost(encoded);
    this.#ahead = { encoded, lease, insert: null, isRepeat: false };
    this.#offset = encoded.range.end;
    this.#rangeRecords = recordsOfFullRange(encoded, reader.limits);
    this.#waitingSinceMs = this.#end > encoded.range.end ? this.#lookedAtMs : null;
    return true;
  }

  /** Says both: all before the range is stored, and the range may be. */
  async #commitPending({ encoded, insert }: Prepared): Promise<void> {
    await this.#parts.consumer.commit(this.partition, pendingPosition(encoded.range, insert));
    this.#confirmedAtMs = this.#parts.clock();
    this.#stored = null;
  }

  /**
   * Asked before every insert. A process that was stopped for long and goes on would else insert after
   * the warehouse has forgotten the token under which another process has inserted the same.
   * An answer younger than `maxAgeMs` still counts.
   */
  async confirm(maxAgeMs = CONFIRMED_FOR_MS): Promise<void> {
    const ageMs = this.#parts.clock() - this.#confirmedAtMs;
    if (!this.#isForgotten && ageMs >= 0 && ageMs < maxAgeMs) return;
    await this.#parts.turns.run(async () => {
      if (this.#isForgotten || this.#storing === null) {
        throw new PartitionLostError('another member has the partition now');
      }
      try {
        await this.#commitPending(this.#storing);
      } catch (error) {
        // Told once: before the next step of this partition could take the old offset for good.
        if (error instanceof PartitionLostError) this.forget();
        throw error;
      }
    });
  }

  #takeRoom(): ByteLease | null {
    const lease = this.#parts.budget.take(this.#parts.reader.limits.maxBytes);
    this.#hasRoom = lease !== null;
    return lease;
  }

  /** Everything before it is stored. */
  #storedOffset(offset: number): number {
    const first = this.#storing ?? this.#repeat ?? this.#ahead;
    return first?.encoded.range.start ?? offset;
  }

  /** Batches encoded that the ledger may not know yet. */
  #unstored(): Set<string> {
    const { batches = [] } = (this.#storing ?? this.#repeat)?.encoded ?? {};
    return new Set(batches.map(batchKey));
  }

  #tellLost({ range, lostRecords }: EncodedRange): void {
    if (lostRecords === 0) return;
    const { metrics, logger } = this.#parts;
    metrics.lost.inc({ topic: this.partition.topic }, lostRecords);
    logger.error(
      { ...this.partition, ...range, lostRecords },
      'the log dropped records before they were stored: its retention is too short',
    );
  }
}

/** The range takes as much of the budget as it came to, and none when there is none. */
async function leased<T extends EncodedRange | null>(
  lease: ByteLease,
  encode: () => Promise<T>,
): Promise<T> {
  try {
    const encoded = await encode();
    if (encoded !== null) lease.resize(encoded.sizeBytes);
    return encoded;
  } catch (error) {
    lease.release();
    throw error;
  }
}

/** As many records like those of `encoded` as fill a range. */
function recordsOfFullRange(encoded: EncodedRange, { maxRows, maxBytes }: BatchLimits): number {
  const records = encoded.range.end - encoded.range.start;
  const byRows = (maxRows * records) / Math.max(1, encoded.rows.rowCount);
  const byBytes = (maxBytes * records) / Math.max(1, encoded.sizeBytes);
  return Math.max(1, Math.min(maxRows, Math.floor(Math.min(byRows, byBytes))));
}
