import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { isFileError } from '../disk/durable-file.ts';
import { parseRetryAfter } from '@flotilla/otlp-queue';
import { DownloadError } from './download-error.ts';

export interface DownloadRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Named after `sha256`, so what is there already belongs to the same content. */
  readonly destination: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Longest silence of the server. */
  readonly stallTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** Bytes that crossed the network, as they come. */
  readonly onBytes: (count: number) => void;
}

/**
 * One try to complete a file: continues behind what an earlier try left, hashes while streaming, and
 * never takes more bytes than announced. Durable and verified when it resolves. Throws DownloadError,
 * or the file system's own error.
 */
export async function download(request: DownloadRequest): Promise<void> {
  const hash = createHash('sha256');
  const have = await hashExisting(request, hash);
  const file = await open(request.destination, have === 0 ? 'w' : 'r+');
  try {
    await fetchRest(request, file, hash, have);
    await file.sync();
  } catch (error) {
    // Without this the next try would continue behind bytes that cannot be right.
    if (error instanceof DownloadError && isMismatch(error)) await file.truncate(0);
    throw error;
  } finally {
    await file.close();
  }
}

/** Size of what a former try left, 0 when there is none. */
export async function existingBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function hashExisting(request: DownloadRequest, hash: Hash): Promise<number> {
  const have = await existingBytes(request.destination);
  if (have === 0 || have > request.sizeBytes) return 0;
  for await (const chunk of createReadStream(request.destination)) hash.update(chunk as Buffer);
  return have;
}

async function fetchRest(
  request: DownloadRequest,
  file: FileHandle,
  hash: Hash,
  have: number,
): Promise<void> {
  if (have === request.sizeBytes) {
    checkDigest(hash, request);
    return;
  }
  const stall = new StallGuard(request.stallTimeoutMs, request.signal);
  try {
    const response = await ask(request, have, stall.signal);
    await checkStatus(response, request, have);
    // A server may answer a Range request with the whole content (RFC 9110, 14.2).
    const whole = response.status === 200;
    if (whole) await file.truncate(0);
    const into = whole ? createHash('sha256') : hash;
    await receive(response, request, { file, hash: into, at: whole ? 0 : have, stall });
    checkDigest(into, request);
  } catch (error) {
    throw asDownloadError(error);
  } finally {
    stall.clear();
  }
}

async function ask(request: DownloadRequest, have: number, signal: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { ...request.headers, 'accept-encoding': 'identity' };
  // No If-Range: the digest over the whole file decides whether the parts belong together.
  if (have > 0) headers.range = `bytes=${have}-`;
  return fetch(request.url, { headers, signal });
}

async function checkStatus(
  response: Response,
  request: DownloadRequest,
  have: number,
): Promise<void> {
  const { status } = response;
  if (status === 416) {
    await response.body?.cancel();
    throw wrongSize(totalOf(response.headers.get('content-range')) ?? have, request);
  }
  if (status !== 200 && status !== 206) {
    const text = (await response.text()).slice(0, 300);
    const why = `the server answered ${status} for the download: ${text}`;
    const lasting = status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);
    const header = response.headers.get('retry-after');
    throw new DownloadError(lasting ? 'unavailable' : 'transient', why, {
      retryAfterMs: parseRetryAfter(header, request.now()),
    });
  }
  const length = response.headers.get('content-length');
  const total =
    status === 206
      ? totalOf(response.headers.get('content-range'))
      : length === null
        ? null
        : Number(length);
  if (total !== null && total !== request.sizeBytes) {
    await response.body?.cancel();
    throw wrongSize(total, request);
  }
  const range = response.headers.get('content-range') ?? '';
  if (status === 206 && !range.startsWith(`bytes ${have}-`)) {
    await response.body?.cancel();
    throw new DownloadError('transient', `asked for bytes from ${have}, got ${range}`);
  }
}

interface Receiver {
  readonly file: FileHandle;
  readonly hash: Hash;
  readonly at: number;
  readonly stall: StallGuard;
}

async function receive(
  response: Response,
  request: DownloadRequest,
  { file, hash, at, stall }: Receiver,
): Promise<void> {
  let position = at;
  for await (const chunk of response.body ?? []) {
    stall.alive();
    request.onBytes(chunk.length);
    if (position + chunk.length > request.sizeBytes) throw wrongSize(null, request);
    hash.update(chunk);
    await file.write(chunk, 0, chunk.length, position);
    position += chunk.length;
  }
  if (position < request.sizeBytes) {
    throw new DownloadError('transient', `the transfer ended at ${position} bytes`);
  }
}

function checkDigest(hash: Hash, request: DownloadRequest): void {
  const sha256 = hash.digest('hex');
  if (sha256 === request.sha256) return;
  throw new DownloadError(
    'digest',
    `the download has SHA-256 ${sha256}, announced was ${request.sha256}`,
  );
}

function wrongSize(actual: number | null, request: DownloadRequest): DownloadError {
  const what = actual === null ? 'more' : String(actual);
  return new DownloadError(
    'size',
    `the server has ${what} bytes, announced were ${request.sizeBytes}`,
  );
}

/** Complete length of a Content-Range (RFC 9110, 14.4); null when it is missing or unknown. */
function totalOf(contentRange: string | null): number | null {
  const total = /^bytes .*\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

function isMismatch(error: DownloadError): boolean {
  return error.kind === 'size' || error.kind === 'digest';
}

function asDownloadError(error: unknown): unknown {
  if (error instanceof DownloadError || isDiskError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DownloadError('transient', `the download broke off: ${message}`, { cause: error });
}

/** Errors of the file carry the system call's name; those of the network arrive as TypeError. */
function isDiskError(error: unknown): boolean {
  return isFileError(error, 'ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EBADF', 'EFBIG');
}

/** Aborts when nothing has come for too long. */
class StallGuard {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
    this.#timer = this.#arm();
  }

  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#arm();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#controller.abort(new Error(`no byte came for ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
  }
}
