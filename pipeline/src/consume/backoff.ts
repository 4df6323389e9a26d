const FIRST_MS = 100;
const MAX_MS = 5_000;

/** How long to wait after the `attempt`-th failure in a row, counted from 1: exponential, half of it jitter. */
export function backoffMs(attempt: number, random: () => number): number {
  const ceilingMs = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20));
  return ceilingMs * (0.5 + random() / 2);
}
