import type { Logger } from '@flotilla/service';
import { MAX_RETRY_AFTER_MS } from './retry-after.ts';
import type { DiskQueue, QueueItem } from './disk-queue.ts';
import {
  DEFAULT_RETRY_POLICY,
  decideSend,
  type RetryPolicy,
  type SendDecision,
} from './domain/send-decision.ts';
import { nextWindow } from './domain/drain-window.ts';
import { postItem, type Post, type PostResult } from './otlp-http-post.ts';
import { partialSuccess } from './partial-success.ts';
import { refusalReason } from './rpc-status.ts';

/** Default of OTEL_EXPORTER_OTLP_TIMEOUT. */
const REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_IN_FLIGHT = 8;

export interface QueueSenderOptions {
  readonly queue: DiskQueue;
  readonly collectorUrl: string;
  readonly token: string;
  readonly logger: Logger;
  readonly clock?: () => number;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly policy?: RetryPolicy;
  readonly requestTimeoutMs?: number;
  /** Most requests under way at once while a backlog drains; 1 keeps a strict order of arrival. */
  readonly maxInFlight?: number;
  /** Carries one item to the collector; OTLP/HTTP by default. Must not reject. */
  readonly post?: Post;
}

/** What a drain ended with: the queue is empty, or the time to wait before the next attempt. */
type DrainEnd = { readonly kind: 'empty' } | { readonly kind: 'wait'; readonly delayMs: number };

/**
 * Sends the queue to the collector, oldest first, in rounds: as many at once as the collector's
 * answers allow (`nextWindow`), and the next round only when this one is answered. Within a round the
 * order of arrival is open. What has to be repeated goes alone, so no item is overtaken by more than
 * `maxInFlight - 1` younger ones. A reader that needs the order takes it from the records' own times;
 * with a `maxInFlight` of 1 it is kept on the wire.
 *
 * Idle it wakes at once when something is enqueued; after a failure it waits, whatever is enqueued. An
 * item leaves the queue only on a 2xx or a permanent refusal.
 */
export class QueueSender {
  readonly #options: QueueSenderOptions;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #policy: RetryPolicy;
  readonly #abort = new AbortController();
  #stopping = false;
  #failures = 0;
  #window = 1;
  /** No attempt before this time: the server named it. */
  #notBeforeMs = 0;
  #lastAcknowledgedAtMs: number | null = null;
  #draining: Promise<DrainEnd> | undefined;
  #loop: Promise<void> | undefined;
  #pause: { readonly idle: boolean; readonly end: () => void } | undefined;
  #enqueuedMeanwhile = false;

  constructor(options: QueueSenderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#policy = options.policy ?? DEFAULT_RETRY_POLICY;
    options.queue.onEnqueued(() => {
      this.#enqueuedMeanwhile = true;
      if (this.#pause?.idle === true) this.#pause.end();
    });
  }

  get lastAcknowledgedAtMs(): number | null {
    return this.#lastAcknowledgedAtMs;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /**
   * Tries to send everything now, without waiting out a back-off of our own; one the server asked for
   * is kept. Resolves when the queue is empty, at the first failure, or after `timeoutMs`.
   */
  async flush(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    try {
      await Promise.race([this.#drainCompletely(), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** One last attempt of at most `timeoutMs`; what is left stays in the queue. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    this.#pause?.end();
    await this.flush(timeoutMs);
    this.#abort.abort(new Error('the sender stops'));
    await this.#draining;
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const end = await this.#drain();
      if (this.#stopping) return;
      if (end.kind === 'wait') await this.#wait(end.delayMs);
      else if (!this.#enqueuedMeanwhile) await this.#wait(null);
    }
  }

  /** `delayMs` null: until something is enqueued. */
  #wait(delayMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const timer = delayMs === null ? undefined : setTimeout(() => this.#pause?.end(), delayMs);
      this.#pause = {
        idle: delayMs === null,
        end: () => {
          clearTimeout(timer);
          this.#pause = undefined;
          resolve();
        },
      };
    });
  }

  /** A drain that is joined may have looked for the last time before the newest item came. */
  async #drainCompletely(): Promise<void> {
    const { queue } = this.#options;
    let end: DrainEnd;
    do end = await this.#drain();
    while (end.kind === 'empty' && queue.items > 0 && !this.#abort.signal.aborted);
  }

  /** At most one drain runs; a second caller joins it. */
  #drain(): Promise<DrainEnd> {
    this.#draining ??= this.#drainNow().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  async #drainNow(): Promise<DrainEnd> {
    const remainingMs = this.#notBeforeMs - this.#clock();
    // A clock set back must not stretch the wait.
    if (remainingMs > 0) return { kind: 'wait', delayMs: Math.min(remainingMs, this.#maxWaitMs()) };
    try {
      for (;;) {
        this.#enqueuedMeanwhile = false;
        const items = this.#options.queue.takeOldest(this.#window);
        if (items.length === 0) break;
        const delayMs = await this.#sendRound(items);
        if (delayMs !== null) return { kind: 'wait', delayMs };
        if (this.#abort.signal.aborted) break;
      }
    } catch (err) {
      // The disk failed. An item sent but not deleted goes out again under the same batch id.
      this.#options.logger.error({ err }, 'telemetry queue could not be read or written');
      return { kind: 'wait', delayMs: this.#policy.maxDelayMs };
    }
    // A flush may have got through while the loop waits out an old failure.
    this.#pause?.end();
    return { kind: 'empty' };
  }

  /** Milliseconds to wait, or null when the next round may go. */
  async #sendRound(items: readonly QueueItem[]): Promise<number | null> {
    const decisions = await Promise.all(items.map((item) => this.#send(item)));
    const ids = (action: 'delete' | 'drop') =>
      items.filter((_item, index) => decisions[index]?.action === action).map(({ id }) => id);
    const delivered = ids('delete');
    const refused = ids('drop');
    const nowMs = this.#clock();
    if (delivered.length > 0) this.#lastAcknowledgedAtMs = nowMs;
    const retries = decisions.filter((decision) => decision.action === 'retry');
    const full = retries.length === 0 && items.length === this.#window;
    this.#window = nextWindow(
      this.#window,
      retries.length > 0 ? 'pushed_back' : full ? 'taken' : 'idle',
      this.#options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
    );
    const answered = delivered.length + refused.length > 0;
    this.#failures = (answered ? 0 : this.#failures) + (retries.length > 0 ? 1 : 0);
    const imposed = retries.filter((decision) => decision.imposed);
    if (imposed.length > 0) {
      this.#notBeforeMs = nowMs + Math.max(...imposed.map(({ delayMs }) => delayMs));
    }
    this.#options.queue.settle(delivered, refused);
    return retries.length === 0 ? null : Math.max(...retries.map(({ delayMs }) => delayMs));
  }

  async #send(item: QueueItem): Promise<SendDecision> {
    const { collectorUrl, token } = this.#options;
    const timeout = AbortSignal.timeout(this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
    const signal = AbortSignal.any([this.#abort.signal, timeout]);
    const post = this.#options.post ?? postItem;
    const result = await post(item, { collectorUrl, token, signal, now: this.#clock });
    const decision = decideSend(result.observation, this.#failures, this.#random(), this.#policy);
    this.#report(item, result, decision);
    return decision;
  }

  #maxWaitMs(): number {
    return MAX_RETRY_AFTER_MS + this.#policy.maxDelayMs;
  }

  #report(item: QueueItem, result: PostResult, decision: SendDecision): void {
    const { logger } = this.#options;
    const { batchId, path } = item;
    const status = result.observation.kind === 'response' ? result.observation.status : null;
    if (decision.action === 'delete') {
      if (this.#failures > 0) {
        logger.info({ failures: this.#failures }, 'the collector takes telemetry again');
      }
      const rejected = partialSuccess(result.answer);
      if (rejected === null) return;
      logger.warn({ batchId, path, ...rejected }, 'taken only in part');
      if (rejected.rejected > 0) this.#options.queue.countRejected(path, rejected.rejected);
      return;
    }
    const reason = refusalReason(result.answer, result.contentType);
    if (decision.action === 'drop') {
      logger.error({ batchId, path, status, reason }, 'the collector refused a batch for good');
      return;
    }
    // One line per outage is enough for a person; the rest is for debugging.
    const level = this.#failures === 0 && !this.#abort.signal.aborted ? 'warn' : 'debug';
    const { delayMs } = decision;
    logger[level]({ err: result.cause, status, reason, delayMs }, 'telemetry not sent, will retry');
  }
}
