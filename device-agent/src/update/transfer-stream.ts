import { setTimeout as delay } from 'node:timers/promises';
import { parseRetryAfter } from '@flotilla/otlp-queue';
import {
  fullByteBucket,
  NEW_FLOOR_WINDOW,
  observeArrival,
  spendBytes,
  type TransferPace,
} from './domain/transfer-pace.ts';
import { DownloadError } from './download-error.ts';

export interface TransferRequest {
  readonly url: string;
  /** Instead of the platform's. */
  readonly fetch?: typeof fetch;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the whole content; never a byte more is taken. */
  readonly sizeBytes: number;
  /** Longest silence of the server. */
  readonly stallTimeoutMs: number;
  readonly pace: TransferPace;
  readonly signal: AbortSignal;
  /** Wall clock, for Retry-After. */
  readonly now: () => number;
  readonly monotonicNow: () => number;
  /** Bytes that crossed the network, as they come. */
  readonly onBytes: (count: number) => void;
}

export interface TransferStream {
  /** As asked for, or 0 when the server answered with the whole content. */
  readonly startsAtByte: number;
  /** A strong validator for the next Range request; null when there is none. */
  readonly etag: string | null;
  /** Throws DownloadError. Must be consumed or returned. */
  readonly chunks: AsyncGenerator<Buffer, void>;
}

/**
 * One try to get content from `fromByte` on. With `etag` a server whose content has changed sends all
 * of it (If-Range, RFC 9110, 13.1.5). Throws DownloadError.
 */
export async function openTransfer(
  request: TransferRequest,
  fromByte: number,
  etag: string | null,
): Promise<TransferStream> {
  const stall = new StallGuard(request.stallTimeoutMs, request.signal);
  try {
    const response = await ask(request, fromByte, etag, stall.signal);
    await checkStatus(response, request, fromByte);
    stall.clear();
    // A server may answer a Range request with the whole content (RFC 9110, 14.2).
    const startsAtByte = response.status === 200 ? 0 : fromByte;
    return {
      startsAtByte,
      etag: strongTag(response.headers.get('etag')),
      chunks: receive(response, request, startsAtByte, stall),
    };
  } catch (error) {
    stall.clear();
    throw asDownloadError(error, stall);
  }
}

async function ask(
  request: TransferRequest,
  fromByte: number,
  etag: string | null,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { ...request.headers, 'accept-encoding': 'identity' };
  if (fromByte > 0) {
    headers.range = `bytes=${fromByte}-`;
    if (etag !== null) headers['if-range'] = etag;
  }
  // Whoever a redirect names would be shown the token and asked for the bytes: it counts as no answer.
  return (request.fetch ?? fetch)(request.url, { headers, redirect: 'manual', signal });
}

async function checkStatus(
  response: Response,
  request: TransferRequest,
  fromByte: number,
): Promise<void> {
  const { status } = response;
  if (status === 416) {
    await response.body?.cancel();
    throw wrongSize(totalOf(response.headers.get('content-range')) ?? fromByte, request);
  }
  if (status !== 200 && status !== 206) throw await refusedStatus(response, request);
  const length = response.headers.get('content-length');
  const range = response.headers.get('content-range');
  const total = status === 206 ? totalOf(range) : length === null ? null : Number(length);
  if (total !== null && total !== request.sizeBytes) {
    await response.body?.cancel();
    throw wrongSize(total, request);
  }
  if (status === 206 && !(range ?? '').startsWith(`bytes ${fromByte}-`)) {
    await response.body?.cancel();
    throw new DownloadError('transient', `asked for bytes from ${fromByte}, got ${range ?? ''}`);
  }
}

async function refusedStatus(response: Response, request: TransferRequest): Promise<DownloadError> {
  const { status } = response;
  const text = await beginningOf(response);
  const why = `the server answered ${status} for the download: ${text}`;
  const lasting = status >= 300 && status < 500 && ![401, 408, 425, 429].includes(status);
  const header = response.headers.get('retry-after');
  return new DownloadError(lasting ? 'unavailable' : 'transient', why, {
    retryAfterMs: parseRetryAfter(header, request.now()),
  });
}

async function* receive(
  response: Response,
  request: TransferRequest,
  startsAtByte: number,
  stall: StallGuard,
): AsyncGenerator<Buffer, void> {
  const { pace, monotonicNow, sizeBytes } = request;
  let position = startsAtByte;
  let floor = NEW_FLOOR_WINDOW;
  let bucket = fullByteBucket(pace.maxBytesPerSecond ?? 1, monotonicNow());
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined) {
      stall.arm();
      const askedAtMs = monotonicNow();
      const { done, value } = await reader.read();
      stall.clear();
      if (done) break;
      const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      request.onBytes(chunk.length);
      position += chunk.length;
      if (position > sizeBytes) throw wrongSize(null, request);
      const arrival = { waitedMs: monotonicNow() - askedAtMs, bytes: chunk.length };
      const seen = observeArrival(floor, arrival, pace);
      if (seen.kind === 'slow') throw tooSlow(pace);
      floor = seen.window;
      yield chunk;
      if (pace.maxBytesPerSecond === null) continue;
      const spent = spendBytes(bucket, pace.maxBytesPerSecond, chunk.length, monotonicNow());
      bucket = spent.bucket;
      if (spent.waitMs > 0) await delay(spent.waitMs, undefined, { signal: request.signal });
    }
  } catch (error) {
    throw asDownloadError(error, stall);
  } finally {
    stall.clear();
    await reader?.cancel().catch(() => undefined);
  }
  if (position < sizeBytes) {
    throw new DownloadError('transient', `the transfer ended at ${position} bytes`);
  }
}

function tooSlow(pace: TransferPace): DownloadError {
  const { minBytesPerSecond, floorWindowMs } = pace;
  return new DownloadError(
    'slow',
    `less than ${minBytesPerSecond} bytes a second came over ${floorWindowMs} ms`,
  );
}

function wrongSize(actual: number | null, request: TransferRequest): DownloadError {
  const what = actual === null ? 'more' : String(actual);
  return new DownloadError(
    'size',
    `the server has ${what} bytes, announced were ${request.sizeBytes}`,
  );
}

/** The first words of an answer, however long it is. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return Buffer.from(first?.value ?? [])
    .toString('utf8')
    .slice(0, 300);
}

/** Complete length of a Content-Range (RFC 9110, 14.4); null when it is missing or unknown. */
function totalOf(contentRange: string | null): number | null {
  const total = /^bytes .*\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

/** A weak validator says nothing about bytes and is not allowed in If-Range (RFC 9110, 13.1.5). */
function strongTag(header: string | null): string | null {
  return header === null || header.startsWith('W/') ? null : header;
}

function asDownloadError(error: unknown, stall: StallGuard): DownloadError {
  if (error instanceof DownloadError) return error;
  const why = stall.stalled ?? error;
  const message = why instanceof Error ? why.message : String(why);
  return new DownloadError('transient', `the download broke off: ${message}`, { cause: error });
}

/** Aborts when nothing has come for too long while somebody waited for it. */
class StallGuard {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly signal: AbortSignal;
  stalled: Error | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
    this.arm();
  }

  arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.stalled = new Error(`no byte came for ${this.#timeoutMs} ms`);
      this.#controller.abort(this.stalled);
    }, this.#timeoutMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
