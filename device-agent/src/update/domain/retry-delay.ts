/** Time between attempts, so that a fleet neither hammers a sick server nor returns all at once. */
export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Exponential with full jitter over its upper half; `failures` counts from 1, `random` is in [0, 1). */
export function retryDelayMs(failures: number, backOff: BackOff, random: number): number {
  const ceiling = Math.min(backOff.maxMs, backOff.baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling * (0.5 + random / 2));
}

/** The server's own wish, up to a tenth later or earlier. */
export function jitteredMs(intervalMs: number, random: number): number {
  return Math.round(intervalMs * (0.9 + random * 0.2));
}
