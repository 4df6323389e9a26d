import type { PollRequest, PollResponse } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import { jitteredMs, retryDelayMs, type BackOff } from '../update/domain/retry-delay.ts';
import type { OtaClient } from './ota-client.ts';

export interface PollerOptions {
  readonly client: OtaClient;
  /** Until the server has named an interval of its own. */
  readonly pollMs: number;
  /** A server that asks for it sooner does not get it. */
  readonly minPollMs: number;
  readonly backOff: BackOff;
  readonly random: () => number;
  readonly logger: Logger;
}

/** Asks ota-service what to do, and knows when to ask again. */
export class Poller {
  readonly #options: PollerOptions;
  #intervalMs: number;
  #failures = 0;
  #delayMs = 0;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#intervalMs = options.pollMs;
  }

  /** Until the next poll is due, counted from the end of the last one. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /** Null when the server did not answer; then `delayMs` backs off. */
  async poll(request: PollRequest, signal: AbortSignal): Promise<PollResponse | null> {
    const { client, random, backOff, minPollMs, logger } = this.#options;
    const answer = await client.poll(request, signal);
    if (answer.kind === 'ok') {
      this.#failures = 0;
      this.#intervalMs = Math.max(minPollMs, answer.value.pollAfterMs);
      this.#delayMs = jitteredMs(this.#intervalMs, random());
      return answer.value;
    }
    if (signal.aborted) return null;
    this.#failures += 1;
    const own = retryDelayMs(this.#failures, backOff, random());
    const wish = answer.kind === 'retry' ? answer.afterMs : null;
    this.#delayMs = wish === null ? own : Math.max(wish, own);
    logger.warn({ why: answer.why, retryInMs: this.#delayMs }, 'poll failed');
    return null;
  }

  /** Keeps asking; null only when the signal fires. */
  async pollUntilAnswered(request: PollRequest, signal: AbortSignal): Promise<PollResponse | null> {
    while (!signal.aborted) {
      const response = await this.poll(request, signal);
      if (response !== null) return response;
      await abortableDelay(this.#delayMs, signal);
    }
    return null;
  }
}
