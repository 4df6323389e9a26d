import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { isFileError } from '../disk/durable-file.ts';
import { writeAt } from '../disk/write-at.ts';
import { DownloadError } from './download-error.ts';
import { openTransfer, type TransferRequest } from './transfer-stream.ts';

export interface DownloadRequest extends TransferRequest {
  /** Named after `sha256`, so what is there already belongs to the same content. */
  readonly destination: string;
  readonly sha256: string;
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
  // No validator: the digest over the whole file decides whether the parts belong together.
  const { chunks, startsAtByte } = await openTransfer(request, have, null);
  const isWhole = startsAtByte < have;
  if (isWhole) await file.truncate(0);
  const into = isWhole ? createHash('sha256') : hash;
  let position = startsAtByte;
  for await (const chunk of chunks) {
    into.update(chunk);
    await writeAt(file, chunk, position);
    position += chunk.length;
  }
  checkDigest(into, request);
}

function checkDigest(hash: Hash, request: DownloadRequest): void {
  const sha256 = hash.digest('hex');
  if (sha256 === request.sha256) return;
  throw new DownloadError(
    'digest',
    `the download has SHA-256 ${sha256}, announced was ${request.sha256}`,
  );
}

function isMismatch(error: DownloadError): boolean {
  return error.kind === 'size' || error.kind === 'digest';
}
