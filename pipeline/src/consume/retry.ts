import { setTimeout as delay } from 'node:timers/promises';

export interface RetryOptions {
  readonly signal: AbortSignal;
  /** Called with each failure; throws to give up. */
  readonly onFailure: (error: unknown, attempt: number) => void;
  readonly random: () => number;
  readonly firstDelayMs?: number;
  readonly maxDelayMs?: number;
}

/**
 * Repeats `work` until it succeeds, with exponential back-off and full jitter. `attempt` counts from 1.
 * Rejects with the signal's reason at an abort; nothing else ends it but `onFailure`.
 */
export async function retryForever<T>(
  work: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { signal, firstDelayMs = 100, maxDelayMs = 5_000 } = options;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await work(attempt);
    } catch (error) {
      options.onFailure(error, attempt);
      const ceilingMs = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, 20));
      await delay(ceilingMs * (0.5 + options.random() / 2), undefined, { signal });
    }
  }
}
