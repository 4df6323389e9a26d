import { describe, expect, it } from 'vitest';
import { createDelta } from '../src/index.ts';
import { HEADER_SIZE_BYTES, METHOD_MIXING, METHOD_STREAMS } from '../src/patch-format.ts';
import { pseudoRandomBytes } from '../src/testing/fuzz/fuzz-seeds.ts';
import { applyInMemory } from '../src/testing/pieces.ts';

const KIB = 1024;
/** Seconds of CPU, on a machine that may give a tenth of one. */
const SLOW = { timeout: 120_000 };
const PERIOD = Buffer.from('abcdefgh12345678');
const ALIKE = Buffer.from('abcdefgh12345679');

const repeated = (bytes: Buffer, times: number) =>
  Buffer.concat(Array.from({ length: times }, () => bytes));

/** Each took minutes to hours once, by searches that went over the same bytes again and again. */
describe('making a patch ends soon', () => {
  it.each([
    [
      'periodic bytes that go on past their base',
      repeated(PERIOD, 10_000),
      repeated(ALIKE, 20_000),
    ],
    [
      'a run of zeros longer than the base’s',
      Buffer.concat([
        pseudoRandomBytes(1, 70_000),
        Buffer.alloc(64 * KIB),
        pseudoRandomBytes(3, 50_000),
      ]),
      Buffer.concat([
        pseudoRandomBytes(1, 70_000),
        Buffer.alloc(1024 * KIB),
        pseudoRandomBytes(3, 50_000),
      ]),
    ],
    ['zeros where the base has none', pseudoRandomBytes(1, 70_000), Buffer.alloc(2048 * KIB)],
  ])('for %s', SLOW, async (_name, base, target) => {
    const patch = createDelta(base, target);
    expect(patch.length).toBeLessThan(500);
    expect((await applyInMemory(base, patch)).equals(target)).toBe(true);
  });
});

describe('the method of a block', () => {
  const methodOf = (patch: Uint8Array) => patch[HEADER_SIZE_BYTES];

  it('is the fast one where the dense one works long to save a few bytes', SLOW, () => {
    expect(methodOf(createDelta(pseudoRandomBytes(1, 70_000), Buffer.alloc(2048 * KIB)))).toBe(
      METHOD_STREAMS,
    );
  });

  it('is the dense one where it saves much for little work', SLOW, () => {
    const base = pseudoRandomBytes(1, 70_000);
    const target = Buffer.from(base);
    for (let at = 0; at < target.length; at += 101) target[at] = target[at]! ^ (at & 255);
    const dense = createDelta(base, target);
    expect(methodOf(dense)).toBe(METHOD_MIXING);
    expect(dense.length).toBeLessThan(createDelta(base, target, { methods: 'fast' }).length * 0.9);
  });
});
