import { PartitionLostError, type LogConsumer, type TopicPartition } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import { batchKey } from '../load/batch-name.ts';
import type { PipelineMetrics } from '../metrics.ts';
import type { ByteBudget, ByteLease } from './byte-budget.ts';
import type { EncodedRange } from './encoded-range.ts';
import { isDue } from './is-due.ts';
import { donePosition, pendingPosition, pendingRange, type OffsetRange } from './pending-range.ts';
import type { RangeReader } from './range-reader.ts';
import type { RangeStore } from './range-store.ts';
import type { Turns } from './turns.ts';

/** A backlog of so many records is encoded while the range before it is being stored. */
const AHEAD_RECORDS = 200;
/** An insert begins at most this long after the log said that the partition is ours. */
const CONFIRMED_FOR_MS = 5_000;

export interface PartitionParts {
  readonly consumer: LogConsumer;
  readonly reader: RangeReader;
  readonly store: Pick<RangeStore, 'store'>;
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
  /** An earlier attempt, perhaps another process's, may have stored some of it. */
  readonly isRepeat: boolean;
}

/** One step's outcome: whether it moved anything, and what it left running. */
export interface Step {
  readonly moved: boolean;
  readonly storing?: Promise<void>;
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
  #pending: OffsetRange | null = null;
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

  /** Rejects with what the log or the ledger rejects with. */
  async advance(mayStore: boolean): Promise<Step> {
    if (this.#offset === null) await this.#resume();
    if (this.#pending !== null) return { moved: await this.#prepareRepeat(this.#pending) };
    const moved = await this.#encodeAhead();
    if (this.#storing !== null) return { moved };
    const next = this.#repeat ?? this.#ahead;
    if (next !== null && mayStore) {
      await this.#commitPending(next.encoded.range);
      if (next === this.#repeat) this.#repeat = null;
      else this.#ahead = null;
      return { moved: true, storing: this.#begin(next) };
    }
    return { moved: (await this.commitDone()) || moved };
  }

  /** Says that what is stored is; else the next owner repeats it for nothing. */
  async commitDone(): Promise<boolean> {
    const range = this.#stored;
    if (range === null) return false;
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

  async #prepareRepeat(range: OffsetRange): Promise<boolean> {
    const { reader, metrics, logger } = this.#parts;
    const lease = this.#takeRoom();
    if (lease === null) return false;
    const encoded = await leased(lease, () => reader.exactly(this.partition, range));
    logger.info({ ...this.partition, ...range }, 'repeating the range a former process began');
    metrics.replays.inc({ topic: this.partition.topic });
    this.#tellLost(encoded);
    this.#repeat = { encoded, lease, isRepeat: true };
    this.#pending = null;
    return true;
  }

  async #encodeAhead(): Promise<boolean> {
    if (this.#ahead !== null) return false;
    const { consumer, reader, clock } = this.#parts;
    const offset = this.#offset ?? 0;
    const end = await consumer.endOffset(this.partition);
    this.#parts.metrics.lag.set({ ...this.partition }, end - this.#storedOffset(offset));
    this.#waitingSinceMs = end > offset ? (this.#waitingSinceMs ?? clock()) : null;
    const limits = { aheadRecords: AHEAD_RECORDS, maxAgeMs: reader.limits.maxAgeMs };
    const waiting = {
      isStoring: this.#storing !== null,
      backlogRecords: end - offset,
      waitingSinceMs: this.#waitingSinceMs,
    };
    if (!isDue(waiting, limits, clock())) return false;
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
    this.#ahead = { encoded, lease, isRepeat: false };
    this.#offset = encoded.range.end;
    this.#waitingSinceMs = null;
    return true;
  }

  /** Says both: all before the range is stored, and the range may be. */
  async #commitPending(range: OffsetRange): Promise<void> {
    await this.#parts.consumer.commit(this.partition, pendingPosition(range));
    this.#confirmedAtMs = this.#parts.clock();
    this.#stored = null;
  }

  #begin(prepared: Prepared): Promise<void> {
    const { encoded, lease, isRepeat } = prepared;
    this.#storing = prepared;
    const confirm = () => this.#confirm(encoded.range);
    return this.#parts.store.store(encoded, isRepeat, confirm).then(
      () => {
        lease.release();
        this.#storing = null;
        this.#stored = encoded.range;
      },
      (error: unknown) => {
        this.#storing = null;
        if (this.#isForgotten) lease.release();
        else this.#repeat = { encoded, lease, isRepeat: true };
        throw error;
      },
    );
  }

  /**
   * Asked before every insert. A process that was stopped for long and goes on would else insert after
   * the warehouse has forgotten the token under which another process has inserted the same.
   */
  async #confirm(range: OffsetRange): Promise<void> {
    const ageMs = this.#parts.clock() - this.#confirmedAtMs;
    if (!this.#isForgotten && ageMs >= 0 && ageMs < CONFIRMED_FOR_MS) return;
    await this.#parts.turns.run(async () => {
      if (this.#isForgotten) throw new PartitionLostError('another member has the partition now');
      try {
        await this.#commitPending(range);
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
