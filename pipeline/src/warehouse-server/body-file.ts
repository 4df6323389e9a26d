import { createWriteStream } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Transform, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';
import type { ByteBudget, ByteLease } from '../consume/byte-budget.ts';
import { BadQueryRequestError } from '../warehouse/http-request.ts';
import { TooManyQueriesError } from '../warehouse/read-sessions.ts';

/** Encodings of a request's body. */
const DECODERS: Readonly<Record<string, () => Duplex>> = {
  gzip: () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};

/** A request's body, decompressed into a file; the caller removes it. */
export class BodyFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #lease: ByteLease;

  private constructor(path: string, sizeBytes: number, lease: ByteLease) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#lease = lease;
  }

  /**
   * Rejects with BadQueryRequestError for an unknown encoding, a broken body, or one above `maxBytes`,
   * and with TooManyQueriesError when it does not fit beside the other bodies in `room`.
   */
  static async receive(
    request: IncomingMessage,
    path: string,
    maxBytes: number,
    room: ByteBudget,
  ): Promise<BodyFile> {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    const decoder = encoding === 'identity' ? null : DECODERS[encoding];
    if (decoder === undefined) {
      throw new BadQueryRequestError(400, 89, 'UNKNOWN_COMPRESSION_METHOD', 'Content-Encoding');
    }
    const lease = room.take(0);
    if (lease === null) throw noRoom();
    try {
      const file = createWriteStream(path);
      const bounded = limit(maxBytes, room, lease);
      if (decoder === null) await pipeline(request, bounded, file);
      else await pipeline(request, decoder(), bounded, file);
      return new BodyFile(path, (await stat(path)).size, lease);
    } catch (cause) {
      await rm(path, { force: true });
      lease.release();
      const isOurs = cause instanceof BadQueryRequestError || cause instanceof TooManyQueriesError;
      if (isOurs || isFileError(cause)) throw cause;
      throw new BadQueryRequestError(400, 354, 'ZLIB_INFLATE_FAILED', 'the body is broken', {
        cause,
      });
    }
  }

  text(): Promise<string> {
    return readFile(this.path, 'utf8');
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
    this.#lease.release();
  }
}

function limit(maxBytes: number, room: ByteBudget, lease: ByteLease): Transform {
  let sizeBytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      lease.resize(sizeBytes);
      if (sizeBytes > maxBytes) done(tooLarge(maxBytes));
      else if (room.usedBytes > room.maxBytes) done(noRoom());
      else done(null, chunk);
    },
  });
}

function tooLarge(maxBytes: number): BadQueryRequestError {
  return new BadQueryRequestError(413, 307, 'TOO_MANY_BYTES', `the body exceeds ${maxBytes} bytes`);
}

function noRoom(): TooManyQueriesError {
  return new TooManyQueriesError('other uploads take all the room for bodies; try again');
}

/** A full or failing disk is the server's trouble, not the client's. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
