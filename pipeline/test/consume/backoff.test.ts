import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/consume/backoff.ts';

describe('backoff', () => {
  it('doubles up to five seconds, at least half of it', () => {
    expect([1, 2, 3, 6, 7, 1_000].map((attempt) => backoffMs(attempt, () => 1))).toEqual([
      100, 200, 400, 3_200, 5_000, 5_000,
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, draw) => {
        const longest = backoffMs(n, () => 1);
        const waitMs = backoffMs(n, () => draw);
        expect(waitMs).toBeGreaterThanOrEqual(longest / 2);
        expect(waitMs).toBeLessThanOrEqual(longest);
      }),
    );
  });
});
