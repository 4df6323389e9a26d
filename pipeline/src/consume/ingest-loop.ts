import { GroupLostError, PartitionLostError, type TopicPartition } from '@flotilla/event-log';
import { backoffMs } from './backoff.ts';
import type { EncodedRange } from './encoded-range.ts';
import { whichAreDue } from './is-due.ts';
import { PartitionIngest, type PartitionParts } from './partition-ingest.ts';
import { batchLength, type RangeBatch } from './range-batch.ts';
import type { RangeStore } from './range-store.ts';
import { Turns } from './turns.ts';

const WAIT_MS = 1_000;
/** Batches being stored at a time. */
const MAX_STORING = 2;
/** While ranges are being stored, news of the log are looked for this often. */
const TICK_MS = 20;
const MIN_WAIT_MS = 5;
const ASSIGNMENT = 'assignment';
const WAIT = 'wait';

export interface IngestParts extends Omit<PartitionParts, 'turns'> {
  readonly store: Pick<RangeStore, 'store'>;
  readonly random: () => number;
  /** Names an insert, unlike any other. */
  readonly newId: () => string;
}

interface Failure {
  readonly attempt: number;
  readonly retryAtMs: number;
  readonly reason: string;
}

/**
 * Moves records from the log to the warehouse: takes the partitions this member owns in turn, a step of
 * each at a time, and stores what several of one topic have ready in one. What fails is tried again after a while, and holds up no other partition; nothing is
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
  #hasNews = true;
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
    const hasNews = this.#hasNews;
    this.#hasNews = false;
    let moved = false;
    for (const partitions of Map.groupBy(assigned, ({ topic }) => topic).values()) {
      const ingests = partitions.filter((at) => !this.#isResting(keyOf(at))).map(this.#ingestOf);
      if (await this.#advance(ingests, hasNews, signal)) moved = true;
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

  readonly #ingestOf = (partition: TopicPartition): PartitionIngest => {
    const key = keyOf(partition);
    const known = this.#partitions.get(key);
    if (known?.isForgotten === true) this.#forget(key, 'another member had the partition');
    const ingest =
      this.#partitions.get(key) ??
      new PartitionIngest(partition, { ...this.#parts, turns: this.#turns });
    this.#partitions.set(key, ingest);
    return ingest;
  };

  /** A step of each partition of one topic; whether any moved. */
  async #advance(
    all: readonly PartitionIngest[],
    hasNews: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { reader, clock } = this.#parts;
    let moved = false;
    let sound = await this.#each(all, (ingest) => ingest.look(hasNews));
    const waiting = sound.map((ingest) => ingest.waiting);
    const due = whichAreDue(waiting, reader.limits.maxAgeMs, clock());
    const toEncode = new Set(sound.filter((_, index) => due[index] === true));
    sound = await this.#each(sound, async (ingest) => {
      if (!signal.aborted && (await ingest.prepare(toEncode.has(ingest)))) moved = true;
    });
    while (this.#storing.size < MAX_STORING && !signal.aborted) {
      const isBegun = await this.#beginBatch(sound);
      if (isBegun === null) break;
      sound = isBegun;
      moved = true;
    }
    sound = await this.#each(sound, async (ingest) => {
      if (await ingest.commitDone()) moved = true;
    });
    for (const { partition } of sound) this.#failures.delete(`advance ${keyOf(partition)}`);
    return moved;
  }

  /** Runs a step of each, one after the other, and returns those it did not fail for. */
  async #each(
    ingests: readonly PartitionIngest[],
    step: (ingest: PartitionIngest) => Promise<void>,
  ): Promise<PartitionIngest[]> {
    const sound: PartitionIngest[] = [];
    for (const ingest of ingests) {
      const key = keyOf(ingest.partition);
      try {
        await this.#turns.run(() => step(ingest));
        sound.push(ingest);
      } catch (error) {
        if (error instanceof PartitionLostError) this.#forget(key, error.message);
        else this.#fail(`advance ${key}`, error);
      }
    }
    return sound;
  }

  /** Begins to store what is ready, as far as it goes together; null when nothing is. */
  async #beginBatch(sound: readonly PartitionIngest[]): Promise<PartitionIngest[] | null> {
    const waiting = sound.filter(({ ready }) => ready !== null);
    const ready = waiting.flatMap((ingest) => ingest.ready ?? []);
    const chosen = waiting.slice(0, batchLength(ready, this.#parts.reader.limits));
    if (chosen.length === 0) return null;
    let insert = chosen.length === 1 ? null : this.#parts.newId();
    const isRepeat = ready[0]?.isRepeat === true;
    const ranges: EncodedRange[] = [];
    const members = await this.#each(chosen, async (ingest) => {
      const begun = await ingest.begin(insert);
      if (begun === null) return;
      ranges.push(begun.encoded);
      ({ insert } = begun);
    });
    if (ranges.length > 0) this.#store({ ranges, insert, isRepeat }, members);
    return sound.filter((ingest) => !chosen.includes(ingest) || members.includes(ingest));
  }

  #store(batch: RangeBatch, members: readonly PartitionIngest[]): void {
    const confirm = async (maxAgeMs?: number) => {
      for (const member of members) await member.confirm(maxAgeMs);
    };
    const store = async () => {
      await this.#parts.store.store(batch, () => confirm());
      // Whoever took one of the partitions over meanwhile may have used the insert's token up for its
      // rows alone (TableLoader). While all of them are still ours, nobody has.
      if (batch.insert !== null && !batch.isRepeat) await confirm(0);
    };
    const storing = store().then(
      () => {
        for (const member of members) {
          member.endStored();
          this.#failures.delete(`insert ${keyOf(member.partition)}`);
        }
      },
      (error: unknown) => {
        for (const member of members) {
          member.endFailed();
          // A partition that went elsewhere is finished there.
          if (!member.isForgotten) this.#fail(`insert ${keyOf(member.partition)}`, error);
        }
      },
    );
    this.#storing.add(storing);
    void storing.finally(() => this.#storing.delete(storing));
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
    const ended = Promise.withResolvers<void>();
    const end = () => ended.resolve();
    const timer = setTimeout(end, this.#storing.size === 0 ? waitMs : Math.min(waitMs, TICK_MS));
    signal.addEventListener('abort', end, { once: true });
    await Promise.race([...this.#storing, ended.promise]);
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
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
      this.#hasNews = true;
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
