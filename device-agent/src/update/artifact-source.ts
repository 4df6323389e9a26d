import { DELTA_CODEC, type Deployment, type Transfer } from '@flotilla/contracts';
import { applyDelta, DeltaError, openFileBase } from '@flotilla/delta';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createZstdDecompress } from 'node:zlib';
import type { ArtifactWriter } from '../slots/slot-backend.ts';
import { UpdateRefusal } from '../update-refusal.ts';

export interface ExpectedArtifact {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** How the artifact is had: what crosses the network, and how it becomes the artifact. */
export type ArtifactSource =
  | { readonly kind: 'full'; readonly transfer: Transfer; readonly encoding: 'identity' | 'zstd' }
  | { readonly kind: 'delta'; readonly transfer: Transfer };

/** The delta when it starts from exactly what runs here in a codec this agent reads, else everything. */
export function chooseSource(deployment: Deployment, runningSha256: string | null): ArtifactSource {
  const { delta, full } = deployment;
  if (delta?.codec === DELTA_CODEC && delta.baseSha256 === runningSha256) {
    return { kind: 'delta', transfer: delta };
  }
  return { kind: 'full', transfer: full, encoding: full.encoding };
}

/**
 * Turns a transferred file into the artifact, streaming into `writer`, and checks the result against
 * the signed manifest. Throws UpdateRefusal; errors of the disk pass through.
 */
export async function writeArtifact(
  source: ArtifactSource,
  file: string,
  basePath: string | null,
  writer: ArtifactWriter,
  expected: ExpectedArtifact,
): Promise<void> {
  if (source.kind === 'full') return writeFull(source.encoding, file, writer, expected);
  if (basePath === null) throw new UpdateRefusal('delta_base_mismatch', 'nothing runs here');
  return writeDelta(file, basePath, writer, expected);
}

async function writeFull(
  encoding: 'identity' | 'zstd',
  file: string,
  writer: ArtifactWriter,
  expected: ExpectedArtifact,
): Promise<void> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of decoded(encoding, file)) {
    sizeBytes += chunk.length;
    // A few bytes of zstd can ask for gigabytes: nothing beyond the signed size is written.
    if (sizeBytes > expected.sizeBytes) throw wrongSize('more', expected);
    hash.update(chunk);
    await writer.write(chunk);
  }
  if (sizeBytes !== expected.sizeBytes) throw wrongSize(String(sizeBytes), expected);
  const sha256 = hash.digest('hex');
  if (sha256 !== expected.sha256) {
    throw new UpdateRefusal(
      'artifact_checksum_mismatch',
      `the artifact has SHA-256 ${sha256}, the signed manifest says ${expected.sha256}`,
    );
  }
}

async function* decoded(encoding: 'identity' | 'zstd', file: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file);
  if (encoding === 'identity') {
    for await (const chunk of source) yield chunk as Buffer;
    return;
  }
  const decompress = createZstdDecompress();
  source.on('error', (error) => decompress.destroy(error));
  source.pipe(decompress);
  try {
    for await (const chunk of decompress) yield chunk as Buffer;
  } catch (cause) {
    if (cause instanceof UpdateRefusal) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UpdateRefusal('artifact_checksum_mismatch', `the download is not zstd: ${message}`, {
      cause,
    });
  } finally {
    source.destroy();
  }
}

function wrongSize(actual: string, expected: ExpectedArtifact): UpdateRefusal {
  return new UpdateRefusal(
    'artifact_size_mismatch',
    `the artifact has ${actual} bytes, the signed manifest says ${expected.sizeBytes}`,
  );
}

/** A patch that does not give the signed artifact refuses the update: no silent second way. */
async function writeDelta(
  file: string,
  basePath: string,
  writer: ArtifactWriter,
  expected: ExpectedArtifact,
): Promise<void> {
  const base = await openFileBase(basePath);
  try {
    const made = await applyDelta({
      base,
      patch: createReadStream(file),
      write: (chunk) => writer.write(chunk),
      limits: { maxTargetSizeBytes: expected.sizeBytes },
    });
    if (made.sha256 !== expected.sha256 || made.sizeBytes !== expected.sizeBytes) {
      throw new UpdateRefusal(
        'delta_invalid',
        `the delta makes ${made.sha256} (${made.sizeBytes} bytes), not the signed artifact`,
      );
    }
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error;
    const reason = error.code === 'base_mismatch' ? 'delta_base_mismatch' : 'delta_invalid';
    throw new UpdateRefusal(reason, `the delta was refused: ${error.message}`, { cause: error });
  } finally {
    await base.close();
  }
}
