import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLargeImage } from '../../src/testing/large-image.ts';

const MIB = 1024 * 1024;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-large-image-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('an image', () => {
  it('goes from the network into its slot without being in memory', async () => {
    const small = await takeLargeImage(join(folder, 'small'), 32 * MIB);
    const large = await takeLargeImage(join(folder, 'large'), 96 * MIB);
    expect([small.isIntact, large.isIntact]).toEqual([true, true]);
    expect(large.servedBytes).toBeLessThan(96 * MIB);
    // Buffers that wait to be collected, but not the 64 MiB that the large one has more.
    const growthBytes = large.usage.peakRssBytes - small.usage.peakRssBytes;
    expect(growthBytes).toBeLessThan(40 * MIB);
  });
});
