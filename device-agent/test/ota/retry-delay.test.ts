import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jitteredMs, retryDelayMs } from '../../src/update/domain/retry-delay.ts';

describe('the time before the next try', () => {
  it('doubles up to its limit, and is never below half of it', () => {
    const backOff = { baseMs: 100, maxMs: 5_000 };
    const random = fc.double({ min: 0, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), random, (failures, chance) => {
        const ceiling = Math.min(5_000, 100 * 2 ** (failures - 1));
        const delay = retryDelayMs(failures, backOff, chance);
        expect(delay).toBeGreaterThanOrEqual(Math.floor(ceiling / 2));
        expect(delay).toBeLessThanOrEqual(ceiling);
      }),
    );
  });

  it('spreads the interval of the server by a tenth', () => {
    expect(jitteredMs(1000, 0)).toBe(900);
    expect(jitteredMs(1000, 0.5)).toBe(1000);
    expect(jitteredMs(1000, 0.999)).toBe(1100);
  });
});
