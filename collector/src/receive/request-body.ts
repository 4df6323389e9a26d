import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { constants, gunzip, zstdDecompress } from 'node:zlib';
import { ProblemError } from '@flotilla/service';

const gunzipAsync = promisify(gunzip);
const zstdAsync = promisify(zstdDecompress);

/**
 * A zstd frame may ask its reader for a window of up to 128 MiB; RFC 8878, 3.1.1.1.2 recommends
 * readers to support at least 8 MiB, and no request within our limits gains from more.
 */
const ZSTD_WINDOW_LOG_MAX = 23;

export const CONTENT_ENCODINGS = ['identity', 'gzip', 'zstd'] as const;
export type ContentEncoding = (typeof CONTENT_ENCODINGS)[number];

/** Reads the body and undoes its encoding; both sizes are bounded by `maxBytes`. */
export async function readBody(
  request: IncomingMessage,
  encoding: ContentEncoding,
  maxBytes: number,
): Promise<Buffer> {
  const declaredBytes = Number(request.headers['content-length'] ?? 0);
  if (declaredBytes > maxBytes) throw tooLarge(maxBytes);
  const raw = await readBounded(request, maxBytes);
  if (encoding === 'identity') return raw;
  return decompress(raw, encoding, maxBytes);
}

async function readBounded(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    // The stream must outlive a refusal: destroying it would close the socket before the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      sizeBytes += bytes.length;
      if (sizeBytes > maxBytes) break;
      chunks.push(bytes);
    }
  } catch (cause) {
    // Nobody is left to answer, but the refusal is counted as the sender's, not as our failure.
    throw new ProblemError('malformed_body', { detail: 'the connection ended in the body', cause });
  }
  if (sizeBytes > maxBytes) {
    // Node drops the rest of a body only when none of it was read; left paused, it would hold the
    // connection open.
    request.resume();
    throw tooLarge(maxBytes);
  }
  return Buffer.concat(chunks, sizeBytes);
}

async function decompress(
  raw: Buffer,
  encoding: 'gzip' | 'zstd',
  maxBytes: number,
): Promise<Buffer> {
  try {
    if (encoding === 'gzip') return await gunzipAsync(raw, { maxOutputLength: maxBytes });
    return await zstdAsync(raw, {
      maxOutputLength: maxBytes,
      params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
    });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(maxBytes);
    }
    throw new ProblemError('malformed_body', {
      detail: `the body is not valid ${encoding}: ${cause instanceof Error ? cause.message : ''}`,
      cause,
    });
  }
}

function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError('body_too_large', {
    detail: `the body may have ${maxBytes} bytes, counted after decompression`,
  });
}
