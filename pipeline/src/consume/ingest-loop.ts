import { TOPIC_DEAD_LETTERS } from '@flotilla/contracts';
import {
  GroupLostError,
  LogFullError,
  type EventLog,
  type LogConsumer,
  type TopicPartition,
} from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import type { BatchLedger } from '../load/batch-ledger.ts';
import type { RangeLoader } from '../load/range-loader.ts';
import type { PipelineMetrics } from '../metrics.ts';
import { deadLetter } from './dead-letters.ts';
import { batchNameOf, sortRange, type SortedRange } from './decoded-range.ts';
import { donePosition, pendingPosition, pendingRange } from './pending-range.ts';
import type { RangeReader, ReadRange } from './range-reader.ts';
import { retryForever } from './retry.ts';

const WAIT_MS = 1_000;
/** A full log takes dead letters again only once this loop has moved on, so it must not wait for long. */
const DEAD_LETTER_ATTEMPTS = 5;

export interface IngestParts {
  readonly log: EventLog;
  readonly consumer: LogConsumer;
  readonly reader: RangeReader;
  readonly loader: Pick<RangeLoader, 'store'>;
  readonly ledger: Pick<BatchLedger, 'known'>;
  readonly metrics: PipelineMetrics;
  readonly logger: Logger;
  readonly random: () => number;
}

/**
 * Moves records from the log to the warehouse, one range of one partition at a time: the range is
 * committed as pending, its rows are stored, then the offset moves past it. A restart finds the
 * pending range and repeats exactly that. What cannot be stored is tried again; nothing is skipped.
 */
export class IngestLoop {
  readonly #parts: IngestParts;
  readonly #offsets = new Map<string, number>();
  #blockedBy: string | null = null;

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /** Why nothing moves at the moment, or null. */
  get blockedBy(): string | null {
    return this.#blockedBy;
  }

  /** Runs until the abort, then resolves; rejects when another member took the group over. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        if (!(await this.#round(signal))) await this.#parts.consumer.wait(WAIT_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Whether any partition had something. */
  async #round(signal: AbortSignal): Promise<boolean> {
    let moved = false;
    const partitions = await this.#retry('assignment', signal, () =>
      this.#parts.consumer.assignment(),
    );
    for (const partition of partitions) {
      if (await this.#step(partition, signal)) moved = true;
      await this.#measureLag(partition, signal);
    }
    return moved;
  }

  async #step(partition: TopicPartition, signal: AbortSignal): Promise<boolean> {
    const { consumer, reader } = this.#parts;
    const key = `${partition.topic}/${partition.partition}`;
    const offset = this.#offsets.get(key) ?? (await this.#resume(partition, signal));
    const next = await this.#retry('read', signal, () => reader.next(partition, offset, signal));
    if (next === null) return false;
    await this.#retry('commit', signal, () =>
      consumer.commit(partition, pendingPosition(next.range)),
    );
    await this.#store(partition, next, false, signal);
    return true;
  }

  /** Finishes what a former process began, and returns where to go on. */
  async #resume(partition: TopicPartition, signal: AbortSignal): Promise<number> {
    const { consumer, reader, metrics, logger } = this.#parts;
    const position = await this.#retry('committed', signal, () => consumer.committed(partition));
    const range = position === null ? null : pendingRange(position);
    if (range === null) return position?.offset ?? 0;
    logger.info({ ...partition, ...range }, 'repeating the range a former process began');
    const pending = await this.#retry('read', signal, () => reader.exactly(partition, range));
    await this.#store(partition, pending, true, signal);
    metrics.replays.inc({ topic: partition.topic });
    return range.end;
  }

  async #store(
    partition: TopicPartition,
    read: ReadRange,
    isReplay: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { loader, metrics } = this.#parts;
    const sorted = await this.#retry('ledger', signal, () => this.#sort(partition, read));
    await this.#retry('insert', signal, (attempt) =>
      loader.store(
        { ...partition, range: read.range, records: sorted.fresh },
        isReplay || attempt > 1,
      ),
    );
    await this.#buryDead(sorted, signal);
    await this.#retry('commit', signal, () =>
      this.#parts.consumer.commit(partition, donePosition(read.range)),
    );
    this.#offsets.set(`${partition.topic}/${partition.partition}`, read.range.end);
    metrics.batches.inc({ topic: partition.topic });
    metrics.duplicates.inc({ topic: partition.topic }, sorted.duplicates.length);
  }

  async #sort(partition: TopicPartition, read: ReadRange): Promise<SortedRange> {
    const names = read.records.flatMap(({ record }) => batchNameOf(record) ?? []);
    const known = await this.#parts.ledger.known(partition, names, read.range.start);
    return sortRange(read.records, known);
  }

  async #buryDead({ undecodable }: SortedRange, signal: AbortSignal): Promise<void> {
    const { log, logger, metrics } = this.#parts;
    if (undecodable.length === 0) return;
    const letters = undecodable.map(({ record, error }) => deadLetter(record, error));
    const buried = await this.#retry('dead-letter', signal, async (attempt) => {
      try {
        await log.append(TOPIC_DEAD_LETTERS, letters);
        return true;
      } catch (error) {
        if (error instanceof LogFullError && attempt >= DEAD_LETTER_ATTEMPTS) return false;
        throw error;
      }
    });
    for (const { record, error } of undecodable) {
      const { topic, partition, offset } = record;
      metrics.deadLetters.inc({ topic, code: error.code });
      logger.warn(
        { topic, partition, offset, code: error.code, reason: error.message },
        'dead letter',
      );
    }
    if (!buried) {
      metrics.deadLettersLost.inc(undecodable.length);
      logger.error({ count: undecodable.length }, 'the log is full and took no dead letters');
    }
  }

  async #measureLag(partition: TopicPartition, signal: AbortSignal): Promise<void> {
    const offset = this.#offsets.get(`${partition.topic}/${partition.partition}`);
    if (offset === undefined) return;
    const end = await this.#retry('read', signal, () => this.#parts.consumer.endOffset(partition));
    const { topic } = partition;
    this.#parts.metrics.lag.set({ topic, partition: partition.partition }, end - offset);
  }

  async #retry<T>(
    operation: string,
    signal: AbortSignal,
    work: (attempt: number) => Promise<T>,
  ): Promise<T> {
    const { logger, metrics, random } = this.#parts;
    const result = await retryForever(work, {
      signal,
      random,
      onFailure: (error, attempt) => {
        if (signal.aborted || error instanceof GroupLostError) throw error;
        this.#blockedBy = `${operation} failed ${attempt} times: ${String(error)}`;
        metrics.retries.inc({ operation });
        logger.error({ err: error, operation, attempt }, 'trying again');
      },
    });
    this.#blockedBy = null;
    return result;
  }
}
