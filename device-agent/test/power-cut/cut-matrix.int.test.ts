import { describe, expect, it } from 'vitest';
import { playMatrix } from '../../src/testing/power-cut/cut-matrix.ts';
import { DEVICE_KINDS, sha256 } from '../../src/testing/power-cut/update-story.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';

const artifact = (version: string, bytes: Buffer) => ({
  version,
  bytes,
  sha256: sha256(bytes),
  sizeBytes: bytes.length,
});

describe('a power cut at a durable write, torn writes included', () => {
  it.each(DEVICE_KINDS.flatMap((kind) => [true, false].map((isGood) => [kind, isGood] as const)))(
    'ends on the right version: %s, working firmware %s',
    async (kind, isGood) => {
      const make = async (version: string, fill: number) =>
        artifact(
          version,
          kind === 'directory' ? await firmwareBundle(version) : Buffer.alloc(200_000, fill),
        );
      const cells = await playMatrix({
        kind,
        isGood,
        old: await make('1.0.0', 1),
        next: await make('1.1.0', 2),
        random: Math.random,
        every: 10,
        pairs: 2,
      });
      expect(cells.length).toBeGreaterThan(8);
      const expected = isGood ? 'updated' : 'rolled_back';
      expect(cells.filter(({ end }) => end !== expected)).toEqual([]);
    },
    120_000,
  );
});
