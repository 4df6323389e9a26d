import { setTimeout as delay } from 'node:timers/promises';

const LOOK_EVERY_MS = 200;

export class TooLateError extends Error {
  override readonly name = 'TooLateError';
}

/**
 * Looks until there is an answer (anything but null), at most `timeoutMs`. Faults while looking are
 * kept as the reason: a service that is being restarted answers again later.
 */
export async function waitUntil<T>(
  what: string,
  timeoutMs: number,
  look: () => Promise<T | null>,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let cause: unknown;
  while (Date.now() < end) {
    try {
      const answer = await look();
      if (answer !== null) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(LOOK_EVERY_MS);
  }
  throw new TooLateError(`${what}: not within ${timeoutMs / 1000} s`, { cause });
}
