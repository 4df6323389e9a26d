import { DELTA_CODEC } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { Leases } from '../db/leases.ts';
import type { ArtifactStore } from '../firmware/artifact-store.ts';
import {
  basesFor,
  isWorthwhile,
  jobTimeoutMs,
  largestWorthwhile,
  retryDelayMs,
} from './domain/delta-policy.ts';
import type { DeltaFiles } from './compute-delta.ts';
import type { DeltaJob, DeltaOutcome, DeltaPair, DeltaStore } from './delta-store.ts';

/** After a fault of database or disk, before the queue is looked at again. */
const RETRY_AFTER_MS = 5000;
/** Another replica may have queued a job and died, or be at work on the one that is left. */
const LOOK_AGAIN_MS = 10_000;

interface Failure {
  readonly count: number;
  readonly retryAtMs: number;
}

export interface DeltaJobsDeps {
  readonly store: DeltaStore;
  readonly artifacts: ArtifactStore;
  readonly leases: Pick<Leases, 'during'>;
  readonly compute: (files: DeltaFiles, signal: AbortSignal) => Promise<Uint8Array>;
  readonly clock: () => number;
  readonly logger: Logger;
  /** Jobs at work at the same time in this process; default 1. */
  readonly deltaJobsAtOnce?: number;
}

/**
 * Works the queue of deltas off, some at a time. The queue is the table, so a restart goes on where
 * it stopped; a job that was running starts anew. One that fails is tried again after a while, and
 * given up after some attempts; a restart counts them from the start. Of several replicas each works
 * on a job of its own.
 */
export class DeltaJobs {
  readonly #deps: DeltaJobsDeps;
  readonly #stopping = new AbortController();
  /** Ends the pauses of all loops. */
  #wake = Promise.withResolvers<void>();
  #loops: readonly Promise<void>[] = [];
  /** Pairs at work here. */
  readonly #working = new Set<string>();
  /** Jobs that failed since the start, by pair. */
  readonly #failures = new Map<string, Failure>();

  constructor(deps: DeltaJobsDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { deltaJobsAtOnce = 1 } = this.#deps;
    this.#loops = Array.from({ length: deltaJobsAtOnce }, () => this.#run());
  }

  /** Jobs at work stay pending. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the service is stopping'));
    this.#wakeUp();
    await Promise.all(this.#loops);
  }

  /** Queues what a new release needs. */
  async planFor(target: { readonly model: string; readonly sha256: string }): Promise<void> {
    const released = await this.#deps.store.releasedArtifacts(target.model);
    const running = await this.#deps.store.runningArtifacts(target.model);
    const bases = basesFor(target.sha256, released, running);
    await this.#enqueue(bases.map((baseSha256) => ({ baseSha256, targetSha256: target.sha256 })));
  }

  /** Queues one pair, when a device asks for it first. */
  async request(pair: DeltaPair): Promise<void> {
    await this.#enqueue([pair]);
  }

  async #enqueue(pairs: readonly DeltaPair[]): Promise<void> {
    await this.#deps.store.enqueue(pairs, DELTA_CODEC, this.#deps.clock());
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      // Taken before the table is read, so a job queued in between is not slept over.
      const woken = this.#wake.promise;
      try {
        await this.#workOff();
        await this.#pauseUntilRetry(woken);
      } catch (err) {
        this.#deps.logger.error({ err }, 'the delta queue failed; trying again');
        await this.#pause(RETRY_AFTER_MS, this.#wake.promise);
      }
    }
  }

  async #workOff(): Promise<void> {
    const { leases, store } = this.#deps;
    const elsewhere = new Set<string>();
    while (!this.#stopping.signal.aborted) {
      const job = await store.nextPending(
        (pair) => this.#isWaiting(pair) || elsewhere.has(keyOf(pair)),
      );
      if (job === undefined) return;
      const key = keyOf(job);
      // Of several loops here the first that came back with it works on it.
      if (this.#working.has(key)) continue;
      this.#working.add(key);
      try {
        const held = await leases.during(`delta/${key}`, (lost) => this.#work(job, lost));
        if (held === null) elsewhere.add(key);
      } finally {
        this.#working.delete(key);
      }
    }
  }

  async #work(job: DeltaJob, lost: AbortSignal): Promise<void> {
    const { store, clock, logger } = this.#deps;
    const pair: DeltaPair = { baseSha256: job.baseSha256, targetSha256: job.targetSha256 };
    // Another replica may have finished it just before the lease was free.
    if ((await store.find(pair))?.state !== 'pending') return;
    const startedMs = clock();
    const outcome = await this.#outcome(job, lost);
    if (outcome === null) return;
    if (outcome.state === 'failed' && (await this.#postpone(pair, outcome.detail))) return;
    this.#failures.delete(keyOf(pair));
    await store.finish(pair, outcome, clock());
    const level = outcome.state === 'failed' ? 'warn' : 'info';
    logger[level]({ ...pair, ...outcome, tookMs: clock() - startedMs }, 'delta finished');
  }

  /** False when it is given up instead. */
  async #postpone(pair: DeltaPair, detail: string): Promise<boolean> {
    const { store, clock, logger } = this.#deps;
    const count = (this.#failures.get(keyOf(pair))?.count ?? 0) + 1;
    const delayMs = retryDelayMs(count);
    if (delayMs === null) return false;
    this.#failures.set(keyOf(pair), { count, retryAtMs: clock() + delayMs });
    await store.postpone(pair, detail, clock());
    logger.warn({ ...pair, detail, delayMs }, 'a delta failed; trying again later');
    return true;
  }

  #withAttempts(pair: DeltaPair, why: string): string {
    return `attempt ${(this.#failures.get(keyOf(pair))?.count ?? 0) + 1}: ${why}`;
  }

  #isWaiting(pair: DeltaPair): boolean {
    if (this.#working.has(keyOf(pair))) return true;
    const failure = this.#failures.get(keyOf(pair));
    return failure !== undefined && failure.retryAtMs > this.#deps.clock();
  }

  async #pauseUntilRetry(woken: Promise<void>): Promise<void> {
    const times = [...this.#failures.values()].map((failure) => failure.retryAtMs);
    const retryInMs = Math.max(0, Math.min(...times) - this.#deps.clock());
    await this.#pause(Math.min(retryInMs, LOOK_AGAIN_MS), woken);
  }

  /** Null when the service stops meanwhile, or another replica took the job over. */
  async #outcome(job: DeltaJob, lost: AbortSignal): Promise<DeltaOutcome | null> {
    const { artifacts, compute } = this.#deps;
    const { fullTransferBytes } = job;
    const timeout = AbortSignal.timeout(jobTimeoutMs(job.targetSizeBytes));
    const signal = AbortSignal.any([timeout, lost, this.#stopping.signal]);
    let delta: Uint8Array;
    try {
      const baseFile = await artifacts.localFile(job.baseSha256);
      const targetFile = await artifacts.localFile(job.targetSha256);
      const maxBytes = largestWorthwhile(fullTransferBytes);
      delta = await compute({ baseFile, targetFile, maxBytes }, signal);
    } catch (error) {
      if (this.#stopping.signal.aborted || lost.aborted) return null;
      const why = error instanceof Error ? error.message : String(error);
      return {
        state: 'failed',
        detail: this.#withAttempts(job, timeout.aborted ? 'it took too long' : why),
      };
    }
    if (!isWorthwhile(delta.length, fullTransferBytes)) {
      const detail = `${delta.length} bytes or more against ${fullTransferBytes} of the whole artifact`;
      return { state: 'not_worthwhile', detail };
    }
    return { state: 'ready', ...(await this.#publish(delta)) };
  }

  async #publish(delta: Uint8Array): Promise<{ sha256: string; sizeBytes: number }> {
    const { artifacts } = this.#deps;
    const source = (async function* () {
      yield await Promise.resolve(delta);
    })();
    const staged = await artifacts.stage(source, delta.length);
    try {
      await artifacts.publish(staged);
    } finally {
      await artifacts.discard(staged);
    }
    return { sha256: staged.sha256, sizeBytes: staged.sizeBytes };
  }

  async #pause(durationMs: number, woken: Promise<void>): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, durationMs);
    await Promise.race([woken, over.promise]);
    clearTimeout(timer);
  }
}

function keyOf({ baseSha256, targetSha256 }: DeltaPair): string {
  return `${baseSha256} ${targetSha256}`;
}
