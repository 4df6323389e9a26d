import { setTimeout as delay } from 'node:timers/promises';
import { GroupLostError, PartitionLostError, type TopicPartition } from '@flotilla/event-log';
import { backoffMs } from './backoff.ts';
import { PartitionIngest, type PartitionParts } from './partition-ingest.ts';
import { Turns } from './turns.ts';

const WAIT_MS = 1_000;
/** Ranges being stored at a time. */
const MAX_STORING = 2;
/** While ranges are being stored, news of the log are looked for this often. */
const TICK_MS = 20;
const MIN_WAIT_MS = 5;
const ASSIGNMENT = 'assignment';
const WAIT = 'wait';

export interface IngestParts extends Omit<PartitionParts, 'turns'> {
  readonly random: () => number;
}

interface Failure {
  readonly attempt: number;
  readonly retryAtMs: number;
  readonly reason: string;
}

/**
 * Moves records from the log to the warehouse: takes the partitions this member owns in turn, a step of
 * each at a time. What fails is tried again after a while, and holds up no other partition; nothing is
 * skipped. A partition that goes to another member is forgotten, and taken up anew when it is back.
 */
export class IngestLoop {
  readonly #parts: IngestParts;
  readonly #turns = new Turns();
  readonly #partitions = new Map<string, PartitionIngest>();
  readonly #storing = new Set<Promise<void>>();
  /** By operation; of those that failed last. */
  readonly #failures = new Map<string, Failure>();
  #rounds = 0;
  #fatal: Error | null = null;

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /** Why something does not move at the moment, or null. */
  get blockedBy(): string | null {
    return this.#failures.values().next().value?.reason ?? null;
  }

  /** Runs until the abort, finishes what is being stored, then resolves; rejects when the group is lost. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        if (!(await this.#round(signal))) await this.#rest(signal);
        if (this.#fatal !== null) throw this.#fatal;
      }
    } finally {
      await Promise.allSettled(this.#storing);
      await this.#commitStored();
    }
  }

  /** Whether any partition moved. */
  async #round(signal: AbortSignal): Promise<boolean> {
    if (this.#isWaitingFor(ASSIGNMENT)) return false;
    const assigned = await this.#assigned();
    let moved = false;
    for (const partition of assigned) {
      if (signal.aborted) return false;
      const key = keyOf(partition);
      if (this.#isResting(key)) continue;
      await this.#turns.run(async () => {
        if (await this.#advance(key, partition)) moved = true;
      });
    }
    return moved;
  }

  #isResting(key: string): boolean {
    return this.#isWaitingFor(`advance ${key}`) || this.#isWaitingFor(`insert ${key}`);
  }

  /** Whether `operation` failed and is not to be tried again yet. */
  #isWaitingFor(operation: string): boolean {
    return (this.#failures.get(operation)?.retryAtMs ?? -Infinity) > this.#parts.clock();
  }

  /** What this member owns, each time beginning with another one; [] while the log does not say. */
  async #assigned(): Promise<readonly TopicPartition[]> {
    try {
      const assigned = await this.#turns.run(() => this.#parts.consumer.assignment());
      this.#failures.delete(ASSIGNMENT);
      const keys = new Set(assigned.map(keyOf));
      for (const key of this.#partitions.keys()) {
        if (!keys.has(key)) this.#forget(key, 'the partition is no longer assigned');
      }
      this.#rounds += 1;
      const first = this.#rounds % Math.max(1, assigned.length);
      return [...assigned.slice(first), ...assigned.slice(0, first)];
    } catch (error) {
      this.#fail(ASSIGNMENT, error);
      return [];
    }
  }

  async #advance(key: string, partition: TopicPartition): Promise<boolean> {
    const known = this.#partitions.get(key);
    if (known?.isForgotten === true) this.#forget(key, 'another member had the partition');
    const ingest =
      this.#partitions.get(key) ??
      new PartitionIngest(partition, { ...this.#parts, turns: this.#turns });
    this.#partitions.set(key, ingest);
    try {
      const { moved, storing } = await ingest.advance(this.#storing.size < MAX_STORING);
      this.#failures.delete(`advance ${key}`);
      if (storing !== undefined) this.#watch(key, ingest, storing);
      return moved;
    } catch (error) {
      if (error instanceof PartitionLostError) this.#forget(key, error.message);
      else this.#fail(`advance ${key}`, error);
      return false;
    }
  }

  #watch(key: string, ingest: PartitionIngest, storing: Promise<void>): void {
    const watched = storing.then(
      () => void this.#failures.delete(`insert ${key}`),
      (error: unknown) => {
        // A partition that went elsewhere is finished there.
        if (!ingest.isForgotten) this.#fail(`insert ${key}`, error);
      },
    );
    this.#storing.add(watched);
    void watched.finally(() => this.#storing.delete(watched));
  }

  /** Until a range is stored, something is appended, or something that waits is due. */
  async #rest(signal: AbortSignal): Promise<void> {
    const waitMs = Math.max(
      MIN_WAIT_MS,
      Math.min(WAIT_MS, this.#nextDueAtMs() - this.#parts.clock()),
    );
    if (this.#storing.size === 0 && waitMs === WAIT_MS) {
      await this.#waitForNews(signal);
      return;
    }
    const timer = new AbortController();
    const ended = AbortSignal.any([timer.signal, signal]);
    const tick = delay(this.#storing.size === 0 ? waitMs : Math.min(waitMs, TICK_MS), undefined, {
      signal: ended,
    });
    await Promise.race([...this.#storing, tick.catch(() => undefined)]);
    timer.abort();
  }

  #nextDueAtMs(): number {
    const dueAtMs = [...this.#partitions].flatMap(([key, ingest]) =>
      this.#isResting(key) ? [] : (ingest.dueAtMs ?? []),
    );
    const nowMs = this.#parts.clock();
    const retries = [...this.#failures.values()].map((failure) => failure.retryAtMs);
    return Math.min(...dueAtMs, ...retries.filter((retryAtMs) => retryAtMs > nowMs));
  }

  async #waitForNews(signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.consumer.wait(WAIT_MS, signal);
      this.#failures.delete(WAIT);
    } catch (error) {
      this.#fail(WAIT, error);
    }
  }

  /** At the end; what fails here is repeated by the next owner, and stored no second time. */
  async #commitStored(): Promise<void> {
    for (const ingest of this.#partitions.values()) {
      try {
        await ingest.commitDone();
      } catch (err) {
        this.#parts.logger.warn({ err, ...ingest.partition }, 'the last range will be repeated');
      }
    }
  }

  #forget(key: string, reason: string): void {
    const ingest = this.#partitions.get(key);
    if (ingest === undefined) return;
    ingest.forget();
    this.#partitions.delete(key);
    this.#failures.delete(`advance ${key}`);
    this.#failures.delete(`insert ${key}`);
    this.#parts.logger.info({ ...ingest.partition }, reason);
  }

  #fail(operation: string, error: unknown): void {
    if (error instanceof GroupLostError) this.#fatal = error;
    const { clock, random, metrics, logger } = this.#parts;
    const attempt = (this.#failures.get(operation)?.attempt ?? 0) + 1;
    this.#failures.set(operation, {
      attempt,
      retryAtMs: clock() + backoffMs(attempt, random),
      reason: `${operation} failed ${attempt} times: ${String(error)}`,
    });
    metrics.retries.inc({ operation: operation.split(' ')[0] ?? operation });
    logger.error({ err: error, operation, attempt }, 'trying again');
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
