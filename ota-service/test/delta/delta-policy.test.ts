import { describe, expect, it } from 'vitest';
import {
  basesFor,
  isWorthwhile,
  jobsAtOnce,
  jobTimeoutMs,
} from '../../src/delta/domain/delta-policy.ts';

const released = ['a', 'b', 'c', 'd', 'e'].map((sha256, i) => ({ sha256, releasedAtMs: i }));

describe('basesFor', () => {
  it('takes the newest three others when no device runs anything', () => {
    expect(basesFor('e', released, [])).toEqual(['d', 'c', 'b']);
  });

  it('puts what devices run first, once each', () => {
    expect(basesFor('e', released, ['a', 'd'])).toEqual(['a', 'd', 'c', 'b']);
  });

  it('leaves out the target itself and artifacts nobody released', () => {
    expect(basesFor('e', released, ['e', 'sideloaded'])).toEqual(['d', 'c', 'b']);
  });

  it('has nothing to do for a first release', () => {
    expect(basesFor('a', [{ sha256: 'a', releasedAtMs: 1 }], [])).toEqual([]);
  });
});

describe('isWorthwhile', () => {
  it.each([
    [0, 100, true],
    [80, 100, true],
    [81, 100, false],
    [200, 100, false],
  ])('%i against %i bytes: %s', (delta, full, expected) => {
    expect(isWorthwhile(delta, full)).toBe(expected);
  });
});

describe('jobTimeoutMs', () => {
  it('grows with the target, from a quarter of an hour on', () => {
    const hour = 3_600_000;
    expect(jobTimeoutMs(1000)).toBe(hour / 4 + 20_000);
    expect(jobTimeoutMs(1024 ** 3)).toBeGreaterThan(5 * hour);
    expect(jobTimeoutMs(1024 ** 3)).toBeLessThan(7 * hour);
  });
});

describe('jobsAtOnce', () => {
  const gib = 1024 ** 3;
  it.each([
    [1, 0.5, 1],
    [2, 16, 1],
    [8, 64, 7],
    [8, 8, 4],
    [64, 1, 1],
  ])('%d cores and %d GiB: %d', (cores, memoryGib, expected) => {
    expect(jobsAtOnce(cores, memoryGib * gib)).toBe(expected);
  });
});
