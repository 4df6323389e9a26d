import { describe, expect, it } from 'vitest';
import { basesFor, isWorthwhile } from '../../src/delta/domain/delta-policy.ts';

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
