import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EditFinder } from '../src/edit-finder.ts';
import type { Edit } from '../src/edit-script.ts';
import { bufferImage } from '../src/image-source.ts';
import { countNews } from '../src/split-edits.ts';

const MIB = 1024 * 1024;
const BLOCK_AT = 8 * MIB;

/** Noise, the same each time. */
function image(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 32) {
    createHash('sha256').update(`${at}`).digest().copy(bytes, at);
  }
  return bytes;
}

const base = image(17 * MIB);

function search(target: Buffer): readonly Edit[] {
  const edits = new EditFinder(bufferImage(base)).search(target, BLOCK_AT)(14);
  const made = edits.reduce((sum, edit) => sum + edit.copyLength + edit.literalLength, 0);
  expect(made).toBe(target.length);
  for (const { baseOffset, copyLength } of edits) {
    expect(baseOffset).toBeGreaterThanOrEqual(0);
    expect(baseOffset + copyLength).toBeLessThanOrEqual(base.length);
  }
  return edits;
}

function newsOf(target: Buffer): number {
  const image = bufferImage(base);
  return countNews((at, length) => image.read(at, length), target, search(target));
}

describe('a base larger than what is searched at once', () => {
  it('gives an unchanged block in one edit', () => {
    const target = base.subarray(BLOCK_AT, BLOCK_AT + MIB);
    expect(search(target)).toEqual([{ baseOffset: BLOCK_AT, copyLength: MIB, literalLength: 0 }]);
  });

  it('gives pieces from anywhere and what lies between', { timeout: 30_000 }, () => {
    const target = Buffer.concat([
      base.subarray(BLOCK_AT, BLOCK_AT + 100_000),
      Buffer.from('news'),
      base.subarray(BLOCK_AT + 100_000, BLOCK_AT + 300_000),
      base.subarray(MIB, MIB + 150_000),
      base.subarray(16 * MIB, 16 * MIB + 3000),
      base.subarray(14 * MIB + 77, 14 * MIB + 50_000),
    ]);
    expect(newsOf(target)).toBeLessThan(200);
  });

  it('gives pieces with small changes all over', { timeout: 30_000 }, () => {
    const target = Buffer.from(base.subarray(3 * MIB + 12_345, 4 * MIB));
    for (let at = 0; at < target.length; at += 701) target[at] = target[at]! + 1;
    expect(newsOf(target)).toBeLessThan(target.length / 600);
  });
});
