import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fromPosition,
  isReplayed,
  ScatteredReplayError,
  toPosition,
  withReplayed,
} from '../../../src/dead-letters/domain/replay-mark.ts';

const START = { offset: 0, beyond: [] };

describe('ReplayMark', () => {
  it('knows exactly what was replayed, in any order, also after it was written down', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { maxLength: 40 }), (offsets) => {
        let mark = fromPosition(null);
        for (const offset of offsets) mark = fromPosition(toPosition(withReplayed(mark, [offset])));
        for (let offset = 0; offset <= 61; offset += 1) {
          expect(isReplayed(mark, offset)).toBe(offsets.includes(offset));
        }
      }),
    );
  });

  it('moves the offset over a gapless front and keeps runs short', () => {
    expect(toPosition(withReplayed(START, [0, 1, 2, 5, 7, 8, 9]))).toEqual({
      offset: 3,
      metadata: 'replayed:5,7-9',
    });
  });

  it('refuses what it could not write down, and what it did not write', () => {
    const scattered = Array.from({ length: 2000 }, (_, index) => 2 * index + 1);
    expect(() => toPosition(withReplayed(START, scattered))).toThrow(ScatteredReplayError);
    expect(() => fromPosition({ offset: 1, metadata: '0-100' })).toThrow(RangeError);
  });
});
