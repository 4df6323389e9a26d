export interface TokenBucket {
  readonly tokens: number;
  readonly refilledAtMs: number;
}

export interface BucketRate {
  readonly perSecond: number;
  readonly burst: number;
}

export function fullBucket(rate: BucketRate, nowMs: number): TokenBucket {
  return { tokens: rate.burst, refilledAtMs: nowMs };
}

/** A clock that was set back refills nothing, and takes nothing away. */
export function refill(bucket: TokenBucket, rate: BucketRate, nowMs: number): TokenBucket {
  const elapsedMs = Math.max(0, nowMs - bucket.refilledAtMs);
  const tokens = Math.min(rate.burst, bucket.tokens + (elapsedMs * rate.perSecond) / 1000);
  return { tokens, refilledAtMs: nowMs };
}

/** Null: there was no token to spend. */
export function spend(bucket: TokenBucket): TokenBucket | null {
  return bucket.tokens < 1 ? null : { ...bucket, tokens: bucket.tokens - 1 };
}
