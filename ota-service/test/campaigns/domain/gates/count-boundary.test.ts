import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countBoundary } from '../../../../src/campaigns/domain/gates/count-boundary.ts';
// Values of an independent implementation in Python (numpy, scipy).
import golden from './golden-vectors.json' with { type: 'json' };

/** P(at least k of n) from exact binomial coefficients; small n only. */
function tail(n: number, p: number, from: number): number {
  let sum = 0;
  for (let k = n; k >= from; k -= 1) {
    let ways = 1n;
    for (let i = 0; i < k; i += 1) ways = (ways * BigInt(n - i)) / BigInt(i + 1);
    sum += Number(ways) * p ** k * (1 - p) ** (n - k);
  }
  return sum;
}

describe('count boundary', () => {
  it.each(golden.k_bound)('of $n devices at $alpha is $k', ({ n, alpha, k }) => {
    expect(countBoundary(n, 0.02, alpha)).toBe(k);
  });

  it('is the smallest count that is improbable enough', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 80 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
        (devices, tolerated, share) => {
          const boundary = countBoundary(devices, tolerated, share);
          expect(boundary).toBeGreaterThan(0);
          expect(boundary).toBeLessThanOrEqual(devices + 1);
          expect(tail(devices, tolerated, boundary)).toBeLessThanOrEqual(share * (1 + 1e-9));
          expect(tail(devices, tolerated, boundary - 1)).toBeGreaterThan(share * (1 - 1e-9));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('rises with the devices, with the tolerance, and with a smaller share', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300_000 }),
        fc.double({ min: 0.001, max: 0.9, noNaN: true }),
        fc.double({ min: 1e-6, max: 0.4, noNaN: true }),
        (devices, tolerated, share) => {
          const here = countBoundary(devices, tolerated, share);
          expect(countBoundary(devices + 1, tolerated, share)).toBeGreaterThanOrEqual(here);
          expect(countBoundary(devices, tolerated + 0.05, share)).toBeGreaterThanOrEqual(here);
          expect(countBoundary(devices, tolerated, share / 2)).toBeGreaterThanOrEqual(here);
          expect(here).toBeGreaterThan(devices * tolerated - 1);
        },
      ),
    );
  });

  it('cannot be reached where a phase is too small to tell', () => {
    expect(countBoundary(1, 0.02, 0.005)).toBe(2);
    expect(countBoundary(0, 0.02, 0.02)).toBe(1);
  });
});
