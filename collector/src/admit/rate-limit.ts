export interface RateRule {
  readonly perSecond: number;
  /** Requests a device may send at once after a pause. */
  readonly burst: number;
}

export interface Bucket {
  readonly tokens: number;
  readonly updatedAtMs: number;
}

export type RateDecision =
  | { readonly allowed: true; readonly bucket: Bucket }
  | { readonly allowed: false; readonly bucket: Bucket; readonly retryAfterSeconds: number };

/** Token bucket: refills evenly, never above `burst`; a clock that steps back refills nothing. */
export function decideRate(
  bucket: Bucket | undefined,
  rule: RateRule,
  nowMs: number,
): RateDecision {
  const before = bucket ?? { tokens: rule.burst, updatedAtMs: nowMs };
  const elapsedMs = Math.max(0, nowMs - before.updatedAtMs);
  const tokens = Math.min(rule.burst, before.tokens + (elapsedMs / 1000) * rule.perSecond);
  if (tokens >= 1) return { allowed: true, bucket: { tokens: tokens - 1, updatedAtMs: nowMs } };
  const retryAfterSeconds = Math.max(1, Math.ceil((1 - tokens) / rule.perSecond));
  return { allowed: false, bucket: { tokens, updatedAtMs: nowMs }, retryAfterSeconds };
}

/**
 * Buckets of the devices seen last. Beyond `maxDevices` the one unused longest is forgotten, which
 * gives it a full bucket again: memory is bounded, and the limit errs towards the device.
 */
export class RateLimiter {
  readonly #rule: RateRule;
  readonly #maxDevices: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rule: RateRule, maxDevices = 100_000) {
    this.#rule = rule;
    this.#maxDevices = maxDevices;
  }

  get size(): number {
    return this.#buckets.size;
  }

  take(deviceId: string, nowMs: number): RateDecision {
    const decision = decideRate(this.#buckets.get(deviceId), this.#rule, nowMs);
    // A Map keeps insertion order, so inserting anew moves the device to the young end.
    this.#buckets.delete(deviceId);
    this.#buckets.set(deviceId, decision.bucket);
    if (this.#buckets.size > this.#maxDevices) {
      const oldest = this.#buckets.keys().next();
      if (oldest.done !== true) this.#buckets.delete(oldest.value);
    }
    return decision;
  }
}
