import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Edit } from '../src/edit-script.ts';
import { cutEdits, liveliestPart } from '../src/split-edits.ts';

const length = fc.nat(40);
const edits = fc.array(
  fc.record({ baseOffset: fc.nat(1000), copyLength: length, literalLength: length }),
  { minLength: 1, maxLength: 20 },
);

/** Where each target byte comes from; -1 for a literal. */
function sources(of: readonly Edit[]): number[] {
  return of.flatMap(({ baseOffset, copyLength, literalLength }) => [
    ...Array.from({ length: copyLength }, (_, i) => baseOffset + i),
    ...Array.from({ length: literalLength }, () => -1),
  ]);
}

describe('cutEdits', () => {
  it('makes the same bytes of a part from the same places', () => {
    fc.assert(
      fc.property(edits, fc.nat(800), fc.nat(800), (all, a, b) => {
        const part = { from: Math.min(a, b), to: Math.max(a, b) };
        const cut = cutEdits(all, part);
        expect(sources(cut)).toEqual(sources(all).slice(part.from, part.to));
        expect(cut.every((edit) => edit.copyLength + edit.literalLength > 0)).toBe(true);
      }),
    );
  });
});

describe('liveliestPart', () => {
  it('holds as many bytes as it may, and the most literals and edits', () => {
    const calm = { baseOffset: 0, copyLength: 100, literalLength: 0 };
    const lively = { baseOffset: 0, copyLength: 50, literalLength: 50 };
    expect(liveliestPart([calm, calm, lively, calm], 100)).toEqual({ from: 200, to: 300 });
    expect(liveliestPart([calm, lively], 500)).toEqual({ from: 0, to: 200 });
    expect(liveliestPart([], 500)).toEqual({ from: 0, to: 0 });
  });
});
