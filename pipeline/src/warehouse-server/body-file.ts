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
import { BadQueryRequestError } from '../warehouse/http-request.ts';

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

  private constructor(path: string, sizeBytes: number) {
    this.path = path;
    this.sizeBytes = sizeBytes;
  }

  /** Rejects with BadQueryRequestError for an unknown encoding, a broken body, or one above `maxBytes`. */
  static async receive(
    request: IncomingMessage,
    path: string,
    maxBytes: number,
  ): Promise<BodyFile> {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    const decoder = encoding === 'identity' ? null : DECODERS[encoding];
    if (decoder === undefined) {
      throw new BadQueryRequestError(400, 89, 'UNKNOWN_COMPRESSION_METHOD', 'Content-Encoding');
    }
    try {
      const file = createWriteStream(path);
      const bounded = limit(maxBytes);
      if (decoder === null) await pipeline(request, bounded, file);
      else await pipeline(request, decoder(), bounded, file);
      return new BodyFile(path, (await stat(path)).size);
    } catch (cause) {
      await rm(path, { force: true });
      if (cause instanceof BadQueryRequestError || isFileError(cause)) throw cause;
      throw new BadQueryRequestError(400, 354, 'ZLIB_INFLATE_FAILED', 'the body is broken', {
        cause,
      });
    }
  }

  text(): Promise<string> {
    return readFile(this.path, 'utf8');
  }

  remove(): Promise<void> {
    return rm(this.path, { force: true });
  }
}

function limit(maxBytes: number): Transform {
  let sizeBytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBytes) done(null, chunk);
      else {
        done(
          new BadQueryRequestError(
            413,
            307,
            'TOO_MANY_BYTES',
            `the body exceeds ${maxBytes} bytes`,
          ),
        );
      }
    },
  });
}

/** A full or failing disk is the server's trouble, not the client's. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
