import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after the time, or at once when the signal fires; an abort is not an error here. */
export async function abortableDelay(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(delayMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
