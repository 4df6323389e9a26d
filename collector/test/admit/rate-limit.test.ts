import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRate, RateLimiter, type Bucket, type RateRule } from '../../src/admit/rate-limit.ts';

const ruleOf = (requestsPerSecond: number, burstRequests: number): RateRule => ({
  requestsPerSecond,
  burstRequests,
  bytesPerSecond: 100,
  burstBytes: 1000,
});
const rule = ruleOf(2, 5);

describe('decideRate', () => {
  it('lets a burst through, then says when to come back', () => {
    let bucket: Bucket | undefined;
    for (let i = 0; i < 5; i += 1) {
      const decision = decideRate(bucket, rule, 1000);
      expect(decision.allowed).toBe(true);
      bucket = decision.bucket;
    }
    expect(decideRate(bucket, rule, 1000)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(decideRate(bucket, rule, 1499).allowed).toBe(false);
    expect(decideRate(bucket, rule, 1500).allowed).toBe(true);
  });

  it('asks for longer pauses at slower rates', () => {
    const slow = ruleOf(0.1, 1);
    const { bucket } = decideRate(undefined, slow, 0);
    expect(decideRate(bucket, slow, 0)).toMatchObject({ allowed: false, retryAfterSeconds: 10 });
  });

  it('never lets more through than burst plus rate times time, and whoever waits gets in', () => {
    const gaps = fc.array(fc.integer({ min: -500, max: 2000 }), { maxLength: 200 });
    fc.assert(
      fc.property(gaps, (steps) => {
        let bucket: Bucket | undefined;
        let nowMs = 10_000;
        let forwardMs = 0;
        let allowed = 0;
        for (const step of steps) {
          nowMs += step;
          forwardMs += Math.max(0, step);
          const decision = decideRate(bucket, rule, nowMs);
          bucket = decision.bucket;
          if (decision.allowed) allowed += 1;
          else {
            const later = nowMs + decision.retryAfterSeconds * 1000;
            expect(decideRate(bucket, rule, later).allowed).toBe(true);
          }
        }
        expect(allowed).toBeLessThanOrEqual(
          rule.burstRequests + (forwardMs / 1000) * rule.requestsPerSecond + 1e-6,
        );
      }),
    );
  });
});

describe('RateLimiter', () => {
  it('waits for the bytes a large request has taken in advance', () => {
    const limiter = new RateLimiter(ruleOf(10, 10), 10);
    expect(limiter.take('a', 0).allowed).toBe(true);
    limiter.charge('a', 1500);
    expect(limiter.take('a', 0)).toMatchObject({ allowed: false, retryAfterSeconds: 6 });
    expect(limiter.take('a', 5000).allowed).toBe(false);
    expect(limiter.take('a', 5100).allowed).toBe(true);
  });

  it('limits each device by itself', () => {
    const limiter = new RateLimiter(ruleOf(1, 1), 10);
    expect(limiter.take('a', 0).allowed).toBe(true);
    expect(limiter.take('a', 0).allowed).toBe(false);
    expect(limiter.take('b', 0).allowed).toBe(true);
  });

  it('forgets the device unused longest when there are too many', () => {
    const limiter = new RateLimiter(ruleOf(0.001, 1), 3);
    for (const device of ['a', 'b', 'c', 'a', 'd']) limiter.take(device, 0);
    expect(limiter.size).toBe(3);
    expect(limiter.take('a', 0).allowed).toBe(false);
    expect(limiter.take('b', 0).allowed).toBe(true);
    expect(limiter.size).toBe(3);
  });
});
