import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  donePosition,
  pendingPosition,
  pendingRange,
  UnreadablePositionError,
} from '../../src/consume/pending-range.ts';

describe('pending range', () => {
  it('comes back from the committed position as it was written', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 1e6 }), (start, length) => {
        const range = { start, end: start + length };
        expect(pendingRange(pendingPosition(range))).toEqual({ ...range, insert: null });
        const shared = { ...range, insert: 'a name' };
        expect(pendingRange(pendingPosition(range, 'a name'))).toEqual(shared);
        expect(pendingRange(donePosition(range))).toBeNull();
        expect(donePosition(range).offset).toBe(range.end);
      }),
    );
  });

  it.each([
    'x',
    '{}',
    '{"pendingEnd":"7"}',
    '{"pendingEnd":5}',
    '{"pendingEnd":4}',
    'null',
    '{"pendingEnd":7,"insert":""}',
  ])('does not guess at %s', (metadata) => {
    expect(() => pendingRange({ offset: 5, metadata })).toThrow(UnreadablePositionError);
  });
});
