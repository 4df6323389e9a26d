import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { HTTP_BATCH_ID } from '@flotilla/contracts';
import { parseRetryAfter } from './retry-after.ts';
import type { QueueItem } from './disk-queue.ts';
import type { SendObservation } from './domain/send-decision.ts';

/** An answer carries a status message at most; what is longer is not from a collector. */
const MAX_ANSWER_BYTES = 64 * 1024;
const gzipAsync = promisify(gzip);

export interface PostOptions {
  readonly collectorUrl: string;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

export interface PostResult {
  readonly observation: SendObservation;
  readonly answer: Uint8Array;
  readonly contentType: string | null;
  /** Why there was no answer. */
  readonly cause?: unknown;
}

/** One OTLP/HTTP request (OTLP 1.x, "OTLP/HTTP Request"). Never rejects: no answer is an outcome. */
export async function postItem(item: QueueItem, options: PostOptions): Promise<PostResult> {
  try {
    const packed = await gzipAsync(item.body);
    const smaller = packed.length < item.body.length;
    const response = await fetch(`${options.collectorUrl.replace(/\/+$/, '')}${item.path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        authorization: `Bearer ${options.token}`,
        [HTTP_BATCH_ID]: item.batchId,
        ...(smaller && { 'content-encoding': 'gzip' }),
      },
      body: new Uint8Array(smaller ? packed : item.body),
      // Followed, a redirect would turn the POST into a GET whose 200 acknowledges nothing.
      redirect: 'manual',
      signal: options.signal,
    });
    const { status, headers } = response;
    const retryAfterMs = parseRetryAfter(headers.get('retry-after'), options.now());
    return {
      observation: { kind: 'response', status, retryAfterMs },
      answer: await readAnswer(response),
      contentType: headers.get('content-type'),
    };
  } catch (cause) {
    return {
      observation: { kind: 'no_response' },
      answer: new Uint8Array(),
      contentType: null,
      cause,
    };
  }
}

async function readAnswer(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks);
}
