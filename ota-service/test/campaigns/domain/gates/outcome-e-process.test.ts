import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TOLERATED,
  EVEN_MIXTURE,
  outcomeLogE,
  UPDATE_MIXTURE,
} from '../../../../src/campaigns/domain/gates/outcome-e-process.ts';
// Values of an independent implementation in Python (numpy, scipy).
import golden from './golden-vectors.json' with { type: 'json' };

const tolerated = fc.double({ min: 0.001, max: 0.9999, noNaN: true });
const count = fc.nat(1_000_000);

describe('evidence against the tolerated failure probability', () => {
  it.each(golden.logE)('after $F failures and $S successes is $logE', ({ F, S, logE }) => {
    const even = outcomeLogE(F, S, DEFAULT_TOLERATED, EVEN_MIXTURE);
    expect(Math.abs(even - logE)).toBeLessThan(1e-9);
  });

  it('mixes weights that add up to one', () => {
    for (const mixture of [EVEN_MIXTURE, UPDATE_MIXTURE]) {
      expect(mixture.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
    }
  });

  it('is finite or, where even the best alternative is refuted, minus infinity; never NaN', () => {
    fc.assert(
      fc.property(count, count, tolerated, (failures, successes, p0) => {
        const logE = outcomeLogE(failures, successes, p0);
        expect(Number.isNaN(logE)).toBe(false);
        expect(logE).toBeLessThan(Infinity);
      }),
    );
  });

  it('grows when a success turns into a failure, shrinks with every further success', () => {
    fc.assert(
      fc.property(count, fc.integer({ min: 1, max: 1_000_000 }), tolerated, (f, s, p0) => {
        const here = outcomeLogE(f, s, p0);
        const slack = 1e-9 * (1 + Math.abs(here));
        expect(outcomeLogE(f + 1, s - 1, p0)).toBeGreaterThan(here - slack);
        expect(outcomeLogE(f, s + 1, p0)).toBeLessThan(here + slack);
      }),
    );
  });

  it('is on average 1 under the tolerated probability, as an e-value must be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), tolerated, (devices, p0) => {
        let mean = 0;
        let probability = (1 - p0) ** devices;
        for (let failures = 0; failures <= devices; failures += 1) {
          mean += probability * Math.exp(outcomeLogE(failures, devices - failures, p0));
          probability *= ((devices - failures) / (failures + 1)) * (p0 / (1 - p0));
        }
        // A term lost to underflow can only lower the mean.
        if ((1 - p0) ** devices > 1e-250) expect(mean).toBeCloseTo(1, 6);
      }),
    );
  });

  it('says nothing before anything happened', () => {
    for (const p0 of [0.001, 0.02, 0.5, 0.99]) expect(outcomeLogE(0, 0, p0)).toBeCloseTo(0, 12);
  });
});
