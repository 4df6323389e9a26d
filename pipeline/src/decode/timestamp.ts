import { DecodeError } from '@flotilla/otlp';

/** A number that JSON.stringify writes digit by digit, so 64-bit values lose nothing. */
export interface RawJson {
  readonly rawJSON: string;
}

// ES2026; V8 has it since 11.4, the compiler's library does not yet.
const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => RawJson };

/** The last second of DateTime, 2106-02-07 06:28:15 UTC: `TimestampTime` can hold no later one. */
const MAX_NANOS = 4_294_967_295_999_999_999n;

let lastNanos = -1n;
let lastRaw: RawJson = rawJSON('0');

/**
 * Nanoseconds since the epoch as a DateTime64(9) column takes them in JSON: a bare number is its
 * ticks, free of any time zone. Neighbouring points often share a time, so the last one is kept.
 */
export function ticks(nanos: bigint): RawJson {
  if (nanos === lastNanos) return lastRaw;
  if (nanos > MAX_NANOS) {
    throw new DecodeError('time_out_of_range', `${nanos} ns after the epoch lies beyond 2106`);
  }
  lastNanos = nanos;
  lastRaw = rawJSON(String(nanos));
  return lastRaw;
}

/** A 64-bit count. */
export function uint64Json(value: bigint): RawJson {
  return rawJSON(String(value));
}

/** JSON has no NaN and no infinities; the warehouse reads these words as such. */
export function float64Json(value: number): number | string {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}
