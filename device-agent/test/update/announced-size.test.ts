import { describe, expect, it } from 'vitest';
import { checkAnnounced, type ArtifactSource } from '../../src/update/artifact-source.ts';

const MIB = 1024 * 1024;
const artifact = { sha256: 'a'.repeat(64), sizeBytes: 100 * MIB };
const other = 'b'.repeat(64);

function full(encoding: 'identity' | 'zstd', sizeBytes: number, sha256 = other): ArtifactSource {
  return { kind: 'full', encoding, transfer: { path: '/blob', sha256, sizeBytes } };
}
const delta = (sizeBytes: number): ArtifactSource => ({
  kind: 'delta',
  transfer: { path: '/blob', sha256: other, sizeBytes },
});

describe('what a server announces for a signed artifact', () => {
  it.each([
    ['the artifact itself', full('identity', 100 * MIB, artifact.sha256)],
    ['an encoding that makes it smaller', full('zstd', 3)],
    // 25 frames of 4 MiB that do not compress: 18 bytes each, 3 for each block of 128 KiB, a seek table.
    ['an encoding that cannot make it smaller', full('zstd', 100 * MIB + 25 * 130 + 300)],
    ['a delta', delta(5)],
  ])('is taken when it is %s', (_what, source) => {
    expect(() => checkAnnounced(source, artifact)).not.toThrow();
  });

  it.each([
    ['artifact_size_mismatch', full('identity', 100 * MIB + 1, artifact.sha256)],
    ['artifact_size_mismatch', full('identity', 100 * MIB - 1, artifact.sha256)],
    ['artifact_checksum_mismatch', full('identity', 100 * MIB)],
    ['artifact_size_mismatch', full('zstd', 101 * MIB)],
    ['delta_invalid', delta(101 * MIB)],
  ])('is refused before the first byte: %s', (reason, source) => {
    expect(() => checkAnnounced(source, artifact)).toThrow(expect.objectContaining({ reason }));
  });
});
