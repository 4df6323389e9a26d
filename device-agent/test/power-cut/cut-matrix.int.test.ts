import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { playMatrix } from '../../src/testing/power-cut/cut-matrix.ts';
import {
  artifactOf,
  DEVICE_KINDS,
  type DeviceKind,
} from '../../src/testing/power-cut/simulated-machine.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';

async function artifact(kind: DeviceKind, version: string) {
  const bytes = kind === 'directory' ? await firmwareBundle(version) : randomBytes(150_000);
  return artifactOf(version, bytes);
}

describe('a power cut at a durable write, torn writes included', () => {
  it.each(DEVICE_KINDS.flatMap((kind) => [true, false].map((isGood) => [kind, isGood] as const)))(
    'ends on the right version: %s, working firmware %s',
    async (kind, isGood) => {
      const cells = await playMatrix({
        kind,
        isGood,
        isDelta: false,
        old: await artifact(kind, '1.0.0'),
        next: await artifact(kind, '1.1.0'),
        random: Math.random,
        every: 40,
        bytes: 1,
        pairs: 1,
      });
      expect(cells.length).toBeGreaterThan(3);
      const expected = isGood ? 'updated' : 'rolled_back';
      expect(cells.filter(({ end }) => end !== expected)).toEqual([]);
    },
    120_000,
  );
});
