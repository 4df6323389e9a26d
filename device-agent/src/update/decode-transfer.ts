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
const CHUNK_BYTES = 64 * 1024;

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
  const decoder = new FrameDecoder();
  let transferOffsetBytes = offsetBytes;
  try {
    for await (const { bytes, kind, end } of pieces(chunks)) {
      transferOffsetBytes += bytes.length;
      if (kind === 'skippable') continue;
      for await (const content of decoder.decode(bytes)) yield { kind: 'content', bytes: content };
      if (end) yield { kind: 'boundary', transferOffsetBytes };
    }
  } finally {
    decoder.close();
  }
}

/**
 * One decoder for all frames: it takes the next frame when it was given exactly the last one. A new one
 * for each would leave its window, some MiB, to every thread's share of the heap in turn.
 */
class FrameDecoder {
  readonly #zstd = createZstdDecompress({
    chunkSize: CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
  });
  #error: Error | null = null;
  #changed = Promise.withResolvers<void>();

  constructor() {
    const wake = () => this.#changed.resolve();
    this.#zstd.on('readable', wake).on('error', (error) => {
      this.#error = error;
      wake();
    });
  }

  /** Everything that these bytes of one frame stand for. Throws UpdateRefusal. */
  async *decode(bytes: Buffer): AsyncGenerator<Buffer, void> {
    let isTaken = false;
    this.#zstd.write(bytes, () => {
      isTaken = true;
      this.#changed.resolve();
    });
    for (;;) {
      this.#changed = Promise.withResolvers<void>();
      const content = this.#zstd.read() as Buffer | null;
      if (this.#error !== null) throw asZstdRefusal(this.#error);
      if (content !== null) yield content;
      else if (isTaken) return;
      else await this.#changed.promise;
    }
  }

  close(): void {
    this.#zstd.destroy();
  }
}

/** Everything of one frame within a chunk as one piece: each costs a turn of the decoder. */
async function* pieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<FramePiece, void> {
  const scanner = new ZstdFrameScanner();
  for await (const chunk of chunks) yield* merged(scan(scanner, chunk));
  if (!scanner.isBetweenFrames) {
    throw new UpdateRefusal('artifact_checksum_mismatch', 'the download ends within a zstd frame');
  }
}

function* scan(scanner: ZstdFrameScanner, chunk: Buffer): Generator<FramePiece, void> {
  try {
    yield* scanner.push(chunk);
  } catch (error) {
    throw asZstdRefusal(error);
  }
}

function* merged(pieces: Iterable<FramePiece>): Generator<FramePiece, void> {
  let parts: Buffer[] = [];
  let kind: FramePiece['kind'] = 'data';
  for (const piece of pieces) {
    kind = piece.kind;
    parts.push(piece.bytes);
    if (!piece.end) continue;
    yield { bytes: Buffer.concat(parts), kind, end: true };
    parts = [];
  }
  if (parts.length > 0) yield { bytes: Buffer.concat(parts), kind, end: false };
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
