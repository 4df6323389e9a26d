import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { constants, gunzip, gunzipSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { ProblemError } from '@flotilla/service';

const gunzipAsync = promisify(gunzip);
const zstdAsync = promisify(zstdDecompress);

/**
 * A zstd frame may ask its reader for a window of up to 128 MiB; RFC 8878, 3.1.1.1.2 recommends
 * readers to support at least 8 MiB, and no request within our limits gains from more.
 */
const ZSTD_WINDOW_LOG_MAX = 23;

/**
 * Up to this size a body is decompressed on the spot, without the round trip through the thread pool.
 * What does not fit is done again off the event loop.
 */
const SYNC_OUTPUT_BYTES = 128 * 1024;
const SYNC_INPUT_BYTES = 32 * 1024;

/** Telemetry shrinks to a third or a fifth, so the output mostly fits one buffer of this many times. */
const USUAL_RATIO = 4;
const MIN_CHUNK_BYTES = 1024;

export const CONTENT_ENCODINGS = ['identity', 'gzip', 'zstd'] as const;
export type ContentEncoding = (typeof CONTENT_ENCODINGS)[number];

/**
 * Reads all of the request, `maxBytes` at most. Rejects with ProblemError `body_too_large`, or
 * `malformed_body` when the connection ends before.
 */
export function readStream(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let ended = false;
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBytes) chunks.push(chunk);
      else {
        // The stream goes on unread: destroying it would close the socket before the answer, and
        // paused it would hold the connection open.
        chunks.length = 0;
        reject(tooLarge(maxBytes));
      }
    });
    request.once('end', () => {
      ended = true;
      const [first] = chunks;
      resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks));
    });
    const cut = (cause?: Error) => {
      // Every request closes at last, and an error with its stack is dear.
      if (!ended) reject(cutShort(cause));
    };
    request.once('error', cut);
    request.once('close', cut);
    // While its token was checked, perhaps.
    if (request.destroyed) cut();
  });
}

/**
 * Undoes the encoding, up to `maxBytes`. Throws or rejects with ProblemError `body_too_large` or
 * `malformed_body`.
 */
export function decodeBody(
  raw: Buffer,
  encoding: ContentEncoding,
  maxBytes: number,
): Buffer | Promise<Buffer> {
  return encoding === 'identity' ? raw : decompress(raw, encoding, maxBytes);
}

async function decompress(
  raw: Buffer,
  encoding: 'gzip' | 'zstd',
  maxBytes: number,
): Promise<Buffer> {
  if (raw.length <= SYNC_INPUT_BYTES) {
    const syncBytes = Math.min(maxBytes, SYNC_OUTPUT_BYTES);
    const chunkSize = Math.max(MIN_CHUNK_BYTES, raw.length * USUAL_RATIO);
    try {
      return encoding === 'gzip'
        ? gunzipSync(raw, { maxOutputLength: syncBytes, chunkSize })
        : zstdDecompressSync(raw, { ...zstdOptions(syncBytes), chunkSize });
    } catch (cause) {
      if (!isTooLarge(cause)) throw notValid(encoding, cause);
      if (syncBytes === maxBytes) throw tooLarge(maxBytes);
    }
  }
  try {
    if (encoding === 'gzip') return await gunzipAsync(raw, { maxOutputLength: maxBytes });
    return await zstdAsync(raw, zstdOptions(maxBytes));
  } catch (cause) {
    throw isTooLarge(cause) ? tooLarge(maxBytes) : notValid(encoding, cause);
  }
}

function zstdOptions(maxOutputLength: number) {
  return { maxOutputLength, params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } };
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
}

function notValid(encoding: string, cause: unknown): ProblemError {
  return new ProblemError('malformed_body', {
    detail: `the body is not valid ${encoding}: ${cause instanceof Error ? cause.message : ''}`,
    cause,
  });
}

/** Nobody is left to answer, but the refusal is counted as the sender's, not as our failure. */
export function cutShort(cause?: Error): ProblemError {
  return new ProblemError('malformed_body', { detail: 'the connection ended in the body', cause });
}

export function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError('body_too_large', {
    detail: `the body may have ${maxBytes} bytes, counted after decompression`,
  });
}
