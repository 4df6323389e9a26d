import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import {
  ArtifactTooLargeError,
  type ArtifactStore,
  type StagedArtifact,
} from './artifact-store.ts';
import { seekTable, type SeekableFrame } from './seek-table.ts';

/** Compressed once, downloaded by a fleet; above this level time grows much faster than size falls. */
const LEVEL = 12;
/** Content of one frame: where a cut download goes on, and what a device holds while it decodes. */
export const FRAME_CONTENT_BYTES = 4 * 1024 * 1024;
/** At once, each on a thread of libuv's pool and with about 60 MiB: this alone bounds the memory. */
const PARALLEL_FRAMES = 2;

const compress = promisify(zstdCompress);
const OPTIONS = {
  params: {
    [constants.ZSTD_c_compressionLevel]: LEVEL,
    [constants.ZSTD_c_checksumFlag]: 1,
  },
};

/**
 * A staged seekable zstd form (frames of RFC 8878 with a seek table) of a staged artifact, or null
 * when it would not be smaller. Constant memory, and off the main thread.
 */
export async function stageCompressed(
  store: Pick<ArtifactStore, 'stage'>,
  artifact: StagedArtifact,
): Promise<StagedArtifact | null> {
  try {
    return await store.stage(seekableZstd(artifact.file), artifact.sizeBytes - 1);
  } catch (error) {
    if (error instanceof ArtifactTooLargeError) return null;
    throw error;
  }
}

async function* seekableZstd(path: string): AsyncGenerator<Uint8Array> {
  const frames: SeekableFrame[] = [];
  const atWork: Promise<{ frame: Uint8Array; contentBytes: number }>[] = [];
  const next = async (): Promise<Uint8Array | undefined> => {
    const done = await atWork.shift();
    if (done === undefined) return undefined;
    frames.push({ compressedBytes: done.frame.length, contentBytes: done.contentBytes });
    return done.frame;
  };
  for await (const content of contentsOf(path)) {
    const work = compress(content, OPTIONS).then((frame) => ({
      frame,
      contentBytes: content.length,
    }));
    // Awaited in its turn; a reader that stopped before must not leave a rejection to nobody.
    work.catch(() => undefined);
    atWork.push(work);
    if (atWork.length < PARALLEL_FRAMES) continue;
    const frame = await next();
    if (frame !== undefined) yield frame;
  }
  for (let frame = await next(); frame !== undefined; frame = await next()) yield frame;
  yield seekTable(frames);
}

/** The file in pieces of a frame's content. */
async function* contentsOf(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    for (;;) {
      const content = Buffer.allocUnsafeSlow(FRAME_CONTENT_BYTES);
      let filled = 0;
      while (filled < content.length) {
        const { bytesRead } = await file.read(content, filled, content.length - filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled > 0) yield content.subarray(0, filled);
      if (filled < content.length) return;
    }
  } finally {
    await file.close();
  }
}
