import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import {
  ArtifactTooLargeError,
  type ArtifactStore,
  type StagedArtifact,
} from './artifact-store.ts';

/** Compressed once, downloaded by a fleet; above this level time grows much faster than size falls. */
const LEVEL = 12;

/** A staged zstd form (RFC 8878) of a staged artifact, or null when it would not be smaller. */
export async function stageCompressed(
  store: ArtifactStore,
  artifact: StagedArtifact,
): Promise<StagedArtifact | null> {
  const compress = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  try {
    return await pipeline(
      createReadStream(artifact.file),
      compress,
      (source: AsyncIterable<Uint8Array>) => store.stage(source, artifact.sizeBytes - 1),
    );
  } catch (error) {
    if (error instanceof ArtifactTooLargeError) return null;
    throw error;
  }
}
