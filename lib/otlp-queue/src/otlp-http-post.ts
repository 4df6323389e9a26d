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
  /** Empty where a certificate says who sends. */
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

/** One HTTP request and its answer; rejects when there is none. */
export type Exchange = (request: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}) => Promise<{
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly body: AsyncIterable<Uint8Array>;
}>;

export type Post = (item: QueueItem, options: PostOptions) => Promise<PostResult>;

/** One OTLP/HTTP request (OTLP 1.x, "OTLP/HTTP Request"). Never rejects: no answer is an outcome. */
export function postThrough(exchange: Exchange): Post {
  return async (item, { collectorUrl, token, signal, now }) => {
    try {
      const packed = await gzipAsync(item.body);
      const smaller = packed.length < item.body.length;
      const { status, header, body } = await exchange({
        url: `${collectorUrl.replace(/\/+$/, '')}${item.path}`,
        headers: {
          'content-type': 'application/x-protobuf',
          ...(token !== '' && { authorization: `Bearer ${token}` }),
          [HTTP_BATCH_ID]: item.batchId,
          ...(smaller && { 'content-encoding': 'gzip' }),
        },
        body: new Uint8Array(smaller ? packed : item.body),
        signal,
      });
      const retryAfterMs = parseRetryAfter(header('retry-after'), now());
      return {
        observation: { kind: 'response', status, retryAfterMs },
        answer: await readAnswer(body),
        contentType: header('content-type'),
      };
    } catch (cause) {
      return {
        observation: { kind: 'no_response' },
        answer: new Uint8Array(),
        contentType: null,
        cause,
      };
    }
  };
}

export const postItem: Post = postThrough(async ({ url, headers, body, signal }) => {
  // Followed, a redirect would turn the POST into a GET whose 200 acknowledges nothing.
  const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
  return {
    status: response.status,
    header: (name) => response.headers.get(name),
    body: response.body ?? noBody(),
  };
});

async function* noBody(): AsyncGenerator<Uint8Array> {
  // Nothing.
}

async function readAnswer(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of body) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks);
}
