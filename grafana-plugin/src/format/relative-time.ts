const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How long ago, in the largest whole unit: `just now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`.
 * A moment ahead of this clock reads `just now`: the server's clock may run a little before ours.
 */
export function relativeTime(at: string | number, nowMs: number): string {
  const agoMs = nowMs - (typeof at === 'number' ? at : Date.parse(at));
  if (agoMs < 2 * SECOND_MS) return 'just now';
  return `${duration(agoMs)} ago`;
}

/** A length of time in its largest whole unit, rounded down. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`;
  return `${Math.floor(ms / DAY_MS)} d`;
}
