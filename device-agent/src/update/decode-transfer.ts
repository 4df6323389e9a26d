import { pipeline } from 'node:stream/promises';
import { constants, createZstdDecompress } from 'node:zlib';
import { UpdateRefusal } from '../update-refusal.ts';
import { ZstdFrameError, ZstdFrameScanner, type FramePiece } from './domain/zstd-frame-scanner.ts';
import { DownloadError } from './download-error.ts';

/** Content, or a place of the transfer from which the decoding can begin anew. */
export type DecodedPart =
  | { readonly kind: 'content'; readonly bytes: Buffer }
  | { readonly kind: 'boundary'; readonly transferOffsetBytes: number };

/** Largest window a frame may ask for, as a power of two: 8 MiB, what zstd's levels up to 19 use. */
const MAX_WINDOW_LOG = 23;

/**
 * Undoes the encoding of a transfer that starts at `offsetBytes`, with memory that does not depend on
 * its size. Every byte of `identity` is a boundary, of `zstd` the end of each frame. Throws what
 * `chunks` throws, and UpdateRefusal for what is no zstd.
 */
export async function* decodeTransfer(
  encoding: 'identity' | 'zstd',
  chunks: AsyncIterable<Buffer>,
  offsetBytes: number,
): AsyncGenerator<DecodedPart, void> {
  if (encoding === 'zstd') return yield* decodeFrames(chunks, offsetBytes);
  let transferOffsetBytes = offsetBytes;
  for await (const bytes of chunks) {
    yield { kind: 'content', bytes };
    transferOffsetBytes += bytes.length;
    yield { kind: 'boundary', transferOffsetBytes };
  }
}

async function* decodeFrames(
  chunks: AsyncIterable<Buffer>,
  offsetBytes: number,
): AsyncGenerator<DecodedPart, void> {
  const source = pieces(chunks);
  let transferOffsetBytes = offsetBytes;
  const count = (piece: FramePiece) => (transferOffsetBytes += piece.bytes.length);
  try {
    for (;;) {
      const { value: first, done } = await source.next();
      if (done === true) return;
      if (first.kind === 'skippable') {
        count(first);
        continue;
      }
      for await (const bytes of decodeFrame(first, source, count)) yield { kind: 'content', bytes };
      yield { kind: 'boundary', transferOffsetBytes };
    }
  } finally {
    await source.return();
  }
}

/** Takes from `source` up to the end of the frame that `first` begins, and no further. */
async function* decodeFrame(
  first: FramePiece,
  source: AsyncGenerator<FramePiece, void>,
  count: (piece: FramePiece) => void,
): AsyncGenerator<Buffer, void> {
  async function* frame(): AsyncGenerator<Buffer, void> {
    for (let piece = first; ;) {
      count(piece);
      yield piece.bytes;
      if (piece.end) return;
      const next = await source.next();
      if (next.done === true) return;
      piece = next.value;
    }
  }
  const decoder = createZstdDecompress({
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  const fed = pipeline(frame, decoder);
  // Its fault is the iteration's below; without a reader of its own it would end the process.
  fed.catch(() => undefined);
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
    await fed;
  } catch (error) {
    throw asZstdRefusal(error);
  } finally {
    decoder.destroy();
  }
}

async function* pieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<FramePiece, void> {
  const scanner = new ZstdFrameScanner();
  for await (const chunk of chunks) {
    try {
      yield* scanner.push(chunk);
    } catch (error) {
      throw asZstdRefusal(error);
    }
  }
  if (!scanner.isBetweenFrames) {
    throw new UpdateRefusal('artifact_checksum_mismatch', 'the download ends within a zstd frame');
  }
}

function asZstdRefusal(error: unknown): unknown {
  if (error instanceof UpdateRefusal || error instanceof DownloadError) return error;
  const isZstd =
    error instanceof ZstdFrameError ||
    (error instanceof Error && 'code' in error && String(error.code).startsWith('ZSTD_'));
  if (!isZstd) return error;
  const detail = `the download is not zstd: ${error.message}`;
  return new UpdateRefusal('artifact_checksum_mismatch', detail, { cause: error });
}
