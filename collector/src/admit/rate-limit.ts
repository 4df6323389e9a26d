import { RecentMap } from './recent-map.ts';

/** Both are refilled evenly; `burst` is what may come at once after a pause. */
export interface RateRule {
  readonly requestsPerSecond: number;
  readonly burstRequests: number;
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
}

export function scaleRule(rule: RateRule, factor: number): RateRule {
  return {
    requestsPerSecond: rule.requestsPerSecond * factor,
    burstRequests: rule.burstRequests * factor,
    bytesPerSecond: rule.bytesPerSecond * factor,
    burstBytes: rule.burstBytes * factor,
  };
}

/** What a sender may still send; bytes fall below zero when a request was larger than what was left. */
export interface Bucket {
  readonly requests: number;
  readonly bytes: number;
  readonly updatedAtMs: number;
}

export type RateDecision =
  | { readonly allowed: true; readonly bucket: Bucket }
  | { readonly allowed: false; readonly bucket: Bucket; readonly retryAfterSeconds: number };

/**
 * Token bucket over requests and bytes. The size of a request is known only once it was read, so it
 * is let in while any bytes are left and charged afterwards; a debt is waited for. A clock that steps
 * back refills nothing.
 */
export function decideRate(
  bucket: Bucket | undefined,
  rule: RateRule,
  nowMs: number,
): RateDecision {
  const before = refill(bucket, rule, nowMs);
  if (before.requests >= 1 && before.bytes > 0) {
    return { allowed: true, bucket: { ...before, requests: before.requests - 1 } };
  }
  const waitSeconds = Math.max(
    (1 - before.requests) / rule.requestsPerSecond,
    (1 - before.bytes) / rule.bytesPerSecond,
  );
  return { allowed: false, bucket: before, retryAfterSeconds: Math.max(1, Math.ceil(waitSeconds)) };
}

function refill(bucket: Bucket | undefined, rule: RateRule, nowMs: number): Bucket {
  if (bucket === undefined) {
    return { requests: rule.burstRequests, bytes: rule.burstBytes, updatedAtMs: nowMs };
  }
  const seconds = Math.max(0, nowMs - bucket.updatedAtMs) / 1000;
  return {
    requests: Math.min(rule.burstRequests, bucket.requests + seconds * rule.requestsPerSecond),
    bytes: Math.min(rule.burstBytes, bucket.bytes + seconds * rule.bytesPerSecond),
    updatedAtMs: nowMs,
  };
}

/** The size of a request, once it is known; it may leave a debt. */
export function chargeBytes(bucket: Bucket, sizeBytes: number): Bucket {
  return { ...bucket, bytes: bucket.bytes - sizeBytes };
}

/**
 * Buckets of the senders seen last (see RecentMap). One that is forgotten gets a full bucket again:
 * memory is bounded, whatever the fleet's size, and the limit errs towards the device.
 */
export class RateLimiter {
  readonly #rule: RateRule;
  readonly #buckets: RecentMap<Bucket>;

  constructor(rule: RateRule, maxSenders: number) {
    this.#rule = rule;
    this.#buckets = new RecentMap(maxSenders);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Asked before a request is read. */
  take(sender: string, nowMs: number): RateDecision {
    const decision = decideRate(this.#buckets.get(sender), this.#rule, nowMs);
    this.#buckets.set(sender, decision.bucket);
    return decision;
  }

  /** Told once its size is known. */
  charge(sender: string, sizeBytes: number): void {
    const bucket = this.#buckets.peek(sender);
    if (bucket !== undefined) this.#buckets.set(sender, chargeBytes(bucket, sizeBytes));
  }
}
