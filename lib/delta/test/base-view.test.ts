import { describe, expect, it } from 'vitest';
import { BasePages } from '../src/base-pages.ts';
import { baseView, MAX_VIEW_BYTES, viewImage } from '../src/base-view.ts';
import { bufferImage } from '../src/image-source.ts';
import { bufferBase } from '../src/random-access-base.ts';

const GIB = 1024 ** 3;
const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => i));

describe('what a block sees of its base', () => {
  it('is all of it up to 2 GiB', () => {
    expect(baseView(5000, 4000)).toEqual({ from: 0, sizeBytes: 5000 });
    expect(baseView(0, 4000)).toEqual({ from: 0, sizeBytes: 0 });
  });

  it('lies around its own place in a larger one, and inside it', () => {
    for (const blockOffset of [0, GIB, 3 * GIB, 7.9 * GIB, 30 * GIB]) {
      const { from, sizeBytes } = baseView(8 * GIB, blockOffset);
      expect(sizeBytes).toBe(MAX_VIEW_BYTES);
      expect(from).toBeGreaterThanOrEqual(0);
      expect(from + sizeBytes).toBeLessThanOrEqual(8 * GIB);
      expect(from).toBeLessThanOrEqual(blockOffset);
      if (blockOffset < 8 * GIB) expect(from + sizeBytes).toBeGreaterThan(blockOffset);
    }
  });

  it('is the same for who makes a patch and for who applies it', async () => {
    const view = baseView(bytes.length, 60, 40);
    const image = viewImage(bufferImage(bytes), view);
    const pages = new BasePages(bufferBase(bytes));
    pages.look(view);
    expect(pages.sizeBytes).toBe(image.sizeBytes);
    const window = new Uint8Array(60);
    await pages.fill(window, -10);
    const seen = Buffer.alloc(60);
    seen.set(image.read(0, 40), 10);
    expect(Buffer.from(window)).toEqual(seen);
    expect(image.read(0, 1)[0]).toBe(view.from);
  });
});
