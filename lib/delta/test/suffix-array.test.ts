import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildSuffixArray } from '../src/suffix-array.ts';
import { SuffixSearch } from '../src/suffix-search.ts';

const repetitive = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.array(fc.constantFrom(0, 255), { maxLength: 80 }).map((a) => Uint8Array.from(a)),
  fc.array(fc.constantFrom(7, 8, 9), { maxLength: 80 }).map((a) => Uint8Array.from(a)),
);

describe('buildSuffixArray', () => {
  it('orders the suffixes as a plain sort does', () => {
    fc.assert(
      fc.property(repetitive, (text) => {
        const sorted = [...text.keys()].sort((a, b) =>
          Buffer.compare(text.subarray(a), text.subarray(b)),
        );
        expect([...buildSuffixArray(text)]).toEqual(sorted);
      }),
      { numRuns: 500 },
    );
  });
});

describe('SuffixSearch', () => {
  it('finds a longest match, and places that match as long', () => {
    fc.assert(
      fc.property(repetitive, repetitive, fc.nat(80), (base, target, wanted) => {
        const search = new SuffixSearch(base, buildSuffixArray(base));
        const commonPrefix = (at: number): number => {
          let n = 0;
          while (at + n < base.length && n < target.length && base[at + n] === target[n]) n++;
          return n;
        };
        const longest = Math.max(0, ...[...base.keys()].map(commonPrefix));
        const found = search.longestMatch(target, 0);
        expect(found).toBe(longest);
        if (found === 0) return;
        expect(commonPrefix(search.position)).toBe(longest);
        const nearest = search.nearest(target, 0, found, wanted);
        expect(commonPrefix(nearest)).toBe(longest);
        expect(Math.abs(nearest - wanted)).toBeLessThanOrEqual(Math.abs(search.position - wanted));
      }),
      { numRuns: 500 },
    );
  });
});
