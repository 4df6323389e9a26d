import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  CALM,
  decideFootprint,
  degradationEffect,
  MAX_DEGRADATION,
} from '../../../src/telemetry/domain/footprint-decision.ts';

const ceiling = { maxRssBytes: 100, maxCpuShare: 0.2 };
const over = { rssBytes: 120, cpuShare: 0.1 };
const calm = { rssBytes: 50, cpuShare: 0.05 };

function levelsOf(observations: readonly { rssBytes: number; cpuShare: number | null }[]) {
  let state = CALM;
  return observations.map((seen) => {
    ({ state } = decideFootprint(state, seen, ceiling));
    return state.level;
  });
}

it('takes a peak for a peak and a stay above the ceiling for a breach', () => {
  expect(levelsOf([over, over, calm, over, over, over])).toEqual([0, 0, 0, 0, 0, 1]);
});

it('comes back slowly, and only from well below', () => {
  const near = { rssBytes: 90, cpuShare: 0.05 };
  expect(levelsOf([over, over, over, near, near, near, near, near, near, near]).at(-1)).toBe(1);
  expect(levelsOf([over, over, over, ...Array.from({ length: 6 }, () => calm)]).at(-1)).toBe(0);
});

it('does not call an unknown processor share calm', () => {
  const unknown = { rssBytes: 50, cpuShare: null };
  expect(levelsOf([over, over, over, ...Array.from({ length: 9 }, () => unknown)]).at(-1)).toBe(1);
});

it('moves one level at a time within its bounds', () => {
  const seen = fc.record({
    rssBytes: fc.integer({ min: 0, max: 200 }),
    cpuShare: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  });
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 200 }), (observations) => {
      let before = 0;
      for (const level of levelsOf(observations)) {
        expect(Math.abs(level - before)).toBeLessThanOrEqual(1);
        expect(level).toBeGreaterThanOrEqual(0);
        expect(level).toBeLessThanOrEqual(MAX_DEGRADATION);
        before = level;
      }
    }),
  );
});

it('costs more with every level', () => {
  const effects = [0, 1, 2, 3].map(degradationEffect);
  expect(effects.map(({ intervalFactor }) => intervalFactor)).toEqual([1, 2, 4, 8]);
  expect(effects.map(({ thrift }) => thrift)).toEqual([1, 0.5, 0.1, 0]);
});
