import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorRateGeometry } from '../../src/campaign/error-rate-geometry.ts';

const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('errorRateGeometry', () => {
  it('draws one failed canary over a 5 % limit on an axis to 100 %', () => {
    expect(errorRateGeometry(1, 0.05)).toEqual({
      axisEnd: 1,
      fillPercent: 100,
      limitPercent: 5,
      state: 'over',
    });
  });

  it('zooms in when rate and limit are small', () => {
    const geometry = errorRateGeometry(0.02, 0.05);
    expect(geometry.axisEnd).toBe(0.1);
    expect(geometry.limitPercent).toBeCloseTo(50);
    expect(geometry.fillPercent).toBeCloseTo(20);
  });

  it('takes the limit itself for within, as the gate does', () => {
    expect(errorRateGeometry(0.05, 0.05).state).toBe('within');
    expect(errorRateGeometry(0.0501, 0.05).state).toBe('over');
  });

  it('takes nothing finished for no data, not for a rate of 0', () => {
    expect(errorRateGeometry(null, 0.05)).toMatchObject({ state: 'no_data', fillPercent: 0 });
    expect(errorRateGeometry(0, 0.05).state).toBe('within');
  });

  it.each([
    [0, 0, 'within'],
    [0.001, 0, 'over'],
    [1, 1, 'within'],
  ])('holds at the ends: rate %d, limit %d', (rate, limit, state) => {
    expect(errorRateGeometry(rate, limit).state).toBe(state);
  });

  it('keeps both on the axis and in their order', () => {
    fc.assert(
      fc.property(share, share, (rate, limit) => {
        const { fillPercent, limitPercent, state } = errorRateGeometry(rate, limit);
        for (const percent of [fillPercent, limitPercent]) {
          expect(percent).toBeGreaterThanOrEqual(0);
          expect(percent).toBeLessThanOrEqual(100);
        }
        if (state === 'over') expect(fillPercent).toBeGreaterThanOrEqual(limitPercent);
        else expect(fillPercent).toBeLessThanOrEqual(limitPercent);
      }),
    );
  });
});
