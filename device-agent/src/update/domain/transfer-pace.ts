/** How fast a download may and must be. */
export interface TransferPace {
  /** Null: as fast as it goes. */
  readonly maxBytesPerSecond: number | null;
  /** Below this over a whole `floorWindowMs` of waiting for the server, it is cut. */
  readonly minBytesPerSecond: number;
  readonly floorWindowMs: number;
}

/** A token bucket in bytes that may go into debt: a chunk has come already when it is counted. */
export interface ByteBucket {
  readonly tokens: number;
  readonly refilledAtMs: number;
}

/** A quarter of a second's worth may come at once. */
const BURST_MS = 250;

export function fullByteBucket(maxBytesPerSecond: number, nowMs: number): ByteBucket {
  return { tokens: (maxBytesPerSecond * BURST_MS) / 1000, refilledAtMs: nowMs };
}

/** Spends `bytes`; `waitMs` is how long to read nothing before the next. `nowMs` is monotonic. */
export function spendBytes(
  bucket: ByteBucket,
  maxBytesPerSecond: number,
  bytes: number,
  nowMs: number,
): { readonly bucket: ByteBucket; readonly waitMs: number } {
  const elapsedMs = Math.max(0, nowMs - bucket.refilledAtMs);
  const most = (maxBytesPerSecond * BURST_MS) / 1000;
  const refilled = Math.min(most, bucket.tokens + (elapsedMs * maxBytesPerSecond) / 1000);
  const tokens = refilled - bytes;
  const waitMs = tokens >= 0 ? 0 : Math.ceil((-tokens * 1000) / maxBytesPerSecond);
  return { bucket: { tokens, refilledAtMs: nowMs }, waitMs };
}

/** Bytes and the time spent waiting for them, since the window began. */
export interface FloorWindow {
  readonly waitedMs: number;
  readonly bytes: number;
}

export const NEW_FLOOR_WINDOW: FloorWindow = { waitedMs: 0, bytes: 0 };

/**
 * Only time spent waiting for the server counts: a slow disk or the limit above is not its fault.
 * `slow` once a whole window brought less than the floor.
 */
export function observeArrival(
  window: FloorWindow,
  arrival: FloorWindow,
  pace: TransferPace,
): { readonly kind: 'ok'; readonly window: FloorWindow } | { readonly kind: 'slow' } {
  const waitedMs = window.waitedMs + arrival.waitedMs;
  const bytes = window.bytes + arrival.bytes;
  if (waitedMs < pace.floorWindowMs) return { kind: 'ok', window: { waitedMs, bytes } };
  if ((bytes * 1000) / waitedMs < pace.minBytesPerSecond) return { kind: 'slow' };
  return { kind: 'ok', window: NEW_FLOOR_WINDOW };
}
