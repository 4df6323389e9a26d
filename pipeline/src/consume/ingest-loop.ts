import { setTimeout as delay } from 'node:timers/promises';
import { TOPIC_DEAD_LETTERS } from '@flotilla/contracts';
import {
  GroupLostError,
  PartitionLostError,
  type EventLog,
  type LogConsumer,
  type TopicPartition,
} from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import type { RangeLoader } from '../load/range-loader.ts';
import type { PipelineMetrics } from '../metrics.ts';
import { deadLetter } from './dead-letters.ts';
import type { EncodedRange } from './encoded-range.ts';
import { isDue, PartitionProgress } from './partition-progress.ts';
import { donePosition, pendingPosition, pendingRange } from './pending-range.ts';
import type { RangeReader } from './range-reader.ts';
import { retryForever } from './retry.ts';

const WAIT_MS = 1_000;
/** A backlog of so many records is encoded while the range before it is being stored. */
const AHEAD_RECORDS = 200;
/** Ranges being stored at a time; with those encoded ahead, this bounds the memory. */
const MAX_STORING = 2;

export interface IngestParts {
  readonly log: EventLog;
  readonly consumer: LogConsumer;
  readonly reader: RangeReader;
  readonly loader: Pick<RangeLoader, 'store'>;
  readonly metrics: PipelineMetrics;
  readonly logger: Logger;
  readonly clock: () => number;
  readonly random: () => number;
}

/**
 * Moves records from the log to the warehouse, a range of a partition at a time: the range is committed
 * as pending, its rows are stored, then the offset moves past it. While one range is being stored the
 * next is encoded, but never committed before: what the log says is pending covers all that may be
 * stored. A restart, or another member that gets the partition, finds the pending range and repeats
 * exactly that. What cannot be stored is tried again; nothing is skipped.
 */
export class IngestLoop {
  readonly #parts: IngestParts;
  readonly #partitions = new Map<string, PartitionProgress>();
  readonly #storing = new Map<PartitionProgress, Promise<void>>();
  readonly #blocked = new Map<string, string>();
  #failure: Error | null = null;

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /** Why something does not move at the moment, or null. */
  get blockedBy(): string | null {
    return this.#blocked.values().next().value ?? null;
  }

  /** Runs until the abort, finishes what is being stored, then resolves; rejects when the group is lost. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        if (!(await this.#round(signal))) await this.#rest(signal);
        if (this.#failure !== null) throw this.#failure;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await Promise.allSettled(this.#storing.values());
      await this.#commitStored();
    }
  }

  /** Whether any partition moved. */
  async #round(signal: AbortSignal): Promise<boolean> {
    const assigned = await this.#retry('assignment', signal, () =>
      this.#parts.consumer.assignment(),
    );
    this.#forgetUnassigned(assigned);
    let moved = false;
    for (const partition of assigned) {
      try {
        if (await this.#advance(partition, signal)) moved = true;
      } catch (error) {
        if (!(error instanceof PartitionLostError)) throw error;
        this.#forget(keyOf(partition), 'another member has the partition now');
      }
    }
    return moved;
  }

  async #advance(partition: TopicPartition, signal: AbortSignal): Promise<boolean> {
    const progress =
      this.#partitions.get(keyOf(partition)) ?? (await this.#resume(partition, signal));
    const encoded = await this.#encodeAhead(progress, signal);
    if (progress.storing !== null) return encoded;
    if (progress.ahead !== null && this.#storing.size < MAX_STORING) {
      const { ahead } = progress;
      // Says both: all before the range is stored, and the range may be.
      await this.#retry('commit', signal, () =>
        this.#parts.consumer.commit(partition, pendingPosition(ahead.range)),
      );
      progress.stored = null;
      progress.ahead = null;
      this.#beginStoring(progress, ahead, false, signal);
      return true;
    }
    return (await this.#commitDone(progress, signal)) || encoded;
  }

  /** Encodes the next range when it is time to. */
  async #encodeAhead(progress: PartitionProgress, signal: AbortSignal): Promise<boolean> {
    if (progress.ahead !== null) return false;
    const { consumer, reader, metrics, clock } = this.#parts;
    const { partition, offset } = progress;
    const end = await this.#retry('read', signal, () => consumer.endOffset(partition));
    metrics.lag.set(labelsOf(partition), end - progress.storedOffset);
    progress.waitingSinceMs = end > offset ? (progress.waitingSinceMs ?? clock()) : null;
    const limits = { aheadRecords: AHEAD_RECORDS, maxAgeMs: reader.limits.maxAgeMs };
    if (!isDue(progress, end - offset, limits, clock())) return false;
    const ahead = await this.#retry('read', signal, () =>
      reader.next(partition, offset, progress.unstored()),
    );
    if (ahead === null) return false;
    progress.ahead = ahead;
    progress.offset = ahead.range.end;
    progress.waitingSinceMs = null;
    return true;
  }

  /** Finishes what a former process or member began, and tells where to go on. */
  async #resume(partition: TopicPartition, signal: AbortSignal): Promise<PartitionProgress> {
    const { consumer, reader, metrics, logger } = this.#parts;
    const position = await this.#retry('committed', signal, () => consumer.committed(partition));
    const range = position === null ? null : pendingRange(position);
    const progress = new PartitionProgress(partition, range?.end ?? position?.offset ?? 0);
    if (range !== null) {
      logger.info({ ...partition, ...range }, 'repeating the range a former process began');
      const pending = await this.#retry('read', signal, () => reader.exactly(partition, range));
      metrics.replays.inc({ topic: partition.topic });
      this.#beginStoring(progress, pending, true, signal);
    }
    this.#partitions.set(keyOf(partition), progress);
    return progress;
  }

  #beginStoring(
    progress: PartitionProgress,
    encoded: EncodedRange,
    isReplay: boolean,
    signal: AbortSignal,
  ): void {
    progress.storing = encoded;
    const work = this.#store(encoded, isReplay, signal, () => this.#isOwned(progress)).then(
      () => {
        progress.stored = encoded;
        progress.storing = null;
      },
      (error: unknown) => {
        // A partition that went elsewhere is finished there.
        if (!signal.aborted && this.#isOwned(progress)) this.#failure = asError(error);
      },
    );
    this.#storing.set(progress, work);
    void work.finally(() => this.#storing.delete(progress));
  }

  async #store(
    encoded: EncodedRange,
    isReplay: boolean,
    signal: AbortSignal,
    isOwned: () => boolean,
  ): Promise<void> {
    const { loader, metrics } = this.#parts;
    const { topic } = encoded.partition;
    const key = keyOf(encoded.partition);
    await this.#retry(
      `insert ${key}`,
      signal,
      (attempt) => loader.store(encoded, isReplay || attempt > 1),
      isOwned,
    );
    await this.#buryDead(encoded, signal, isOwned);
    metrics.batches.inc({ topic });
    metrics.duplicates.inc({ topic }, encoded.duplicates.length);
  }

  /**
   * A log that takes no more holds this partition until it does, so that no dead letter is lost; the
   * others go on.
   */
  async #buryDead(
    { undecodable, partition }: EncodedRange,
    signal: AbortSignal,
    isOwned: () => boolean,
  ): Promise<void> {
    const { log, logger, metrics } = this.#parts;
    if (undecodable.length === 0) return;
    const letters = undecodable.map(({ record, error }) => deadLetter(record, error));
    await this.#retry(
      `dead-letter ${keyOf(partition)}`,
      signal,
      () => log.append(TOPIC_DEAD_LETTERS, letters),
      isOwned,
    );
    for (const { record, error } of undecodable) {
      const { topic, offset } = record;
      metrics.deadLetters.inc({ topic, code: error.code });
      const where = { topic, partition: record.partition, offset };
      logger.warn({ ...where, code: error.code, reason: error.message }, 'dead letter');
    }
  }

  async #commitDone(progress: PartitionProgress, signal: AbortSignal): Promise<boolean> {
    const { stored, partition } = progress;
    if (stored === null) return false;
    await this.#retry('commit', signal, () =>
      this.#parts.consumer.commit(partition, donePosition(stored.range)),
    );
    progress.stored = null;
    return true;
  }

  /** At the end: what is stored is said to be, else the next start repeats it for nothing. */
  async #commitStored(): Promise<void> {
    for (const { partition, stored } of this.#partitions.values()) {
      if (stored === null) continue;
      try {
        await this.#parts.consumer.commit(partition, donePosition(stored.range));
      } catch (err) {
        this.#parts.logger.warn({ err, ...partition }, 'the last range will be repeated');
      }
    }
  }

  /** Until a range is stored, something is appended, or the oldest waiting record is due. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { consumer, clock, reader } = this.#parts;
    const { maxAgeMs } = reader.limits;
    const waits = [...this.#partitions.values()].flatMap(({ waitingSinceMs, storing }) =>
      waitingSinceMs === null || storing !== null ? [] : [waitingSinceMs + maxAgeMs - clock()],
    );
    const waitMs = Math.max(1, Math.min(WAIT_MS, ...waits));
    if (this.#storing.size > 0) {
      const timer = new AbortController();
      const tick = delay(Math.min(waitMs, 20), undefined, { signal: timer.signal });
      await Promise.race([...this.#storing.values(), tick.catch(() => undefined)]);
      timer.abort();
    } else if (waitMs < WAIT_MS) await delay(waitMs, undefined, { signal });
    else await consumer.wait(WAIT_MS, signal);
  }

  #isOwned(progress: PartitionProgress): boolean {
    return this.#partitions.get(keyOf(progress.partition)) === progress;
  }

  #forgetUnassigned(assigned: readonly TopicPartition[]): void {
    const keys = new Set(assigned.map(keyOf));
    for (const key of this.#partitions.keys()) {
      if (!keys.has(key)) this.#forget(key, 'the partition is no longer assigned');
    }
  }

  #forget(key: string, reason: string): void {
    const progress = this.#partitions.get(key);
    if (progress === undefined) return;
    this.#partitions.delete(key);
    this.#parts.metrics.lag.remove(labelsOf(progress.partition));
    this.#blocked.delete(`insert ${key}`);
    this.#blocked.delete(`dead-letter ${key}`);
    this.#parts.logger.info({ ...progress.partition }, reason);
  }

  async #retry<T>(
    operation: string,
    signal: AbortSignal,
    work: (attempt: number) => Promise<T>,
    isWanted: () => boolean = () => true,
  ): Promise<T> {
    const { logger, metrics, random } = this.#parts;
    const result = await retryForever(work, {
      signal,
      random,
      onFailure: (error, attempt) => {
        if (signal.aborted || isFinal(error) || !isWanted()) throw error;
        this.#blocked.set(operation, `${operation} failed ${attempt} times: ${String(error)}`);
        metrics.retries.inc({ operation: operation.split(' ')[0] ?? operation });
        logger.error({ err: error, operation, attempt }, 'trying again');
      },
    });
    this.#blocked.delete(operation);
    return result;
  }
}

function isFinal(error: unknown): boolean {
  return error instanceof GroupLostError || error instanceof PartitionLostError;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function labelsOf({ topic, partition }: TopicPartition) {
  return { topic, partition };
}
