import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Logger } from '@flotilla/service';
import { isFileError } from './durable-file.ts';

const CHUNK_BYTES = 256 * 1024;
/** Positions and memory of a direct read are multiples of the medium's logical block, at most this. */
const BLOCK_BYTES = 4096;

interface Source {
  readonly file: FileHandle;
  /** Of CHUNK_BYTES. */
  readonly buffer: Buffer;
}

/**
 * The bytes [firstByte, firstByte + lengthBytes) of a file or device in chunks of at most 256 KiB, each
 * a buffer of its own. They come from the medium, past the page cache (O_DIRECT of open(2)), where the
 * file system can do that; `logger` is told where it cannot. Ends early when the file does.
 */
export async function* readRange(
  path: string,
  firstByte: number,
  lengthBytes: number,
  logger?: Pick<Logger, 'debug'>,
): AsyncGenerator<Buffer> {
  const { file, buffer } = await openSource(path, logger);
  try {
    const end = firstByte + lengthBytes;
    let position = firstByte - (firstByte % BLOCK_BYTES);
    while (position < end) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
      const from = Math.max(0, firstByte - position);
      const to = Math.min(bytesRead, end - position);
      if (to > from) yield Buffer.from(buffer.subarray(from, to));
      // Only the end of a file is not at a block.
      if (bytesRead === 0 || bytesRead % BLOCK_BYTES !== 0) return;
      position += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function openSource(path: string, logger?: Pick<Logger, 'debug'>): Promise<Source> {
  const direct = await openDirect(path);
  if (direct !== null) return direct;
  logger?.debug({ path }, 'read through the page cache: no direct reads here');
  return { file: await open(path, 'r'), buffer: Buffer.allocUnsafeSlow(CHUNK_BYTES) };
}

/** Null where the file system or the platform has no direct reads. */
async function openDirect(path: string): Promise<Source | null> {
  // Node's types say that it is there everywhere, but it is Linux's alone.
  const flag = constants.O_DIRECT as number | undefined;
  if (flag === undefined) return null;
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | flag);
  } catch (error) {
    if (isFileError(error, 'EINVAL')) return null;
    throw error;
  }
  try {
    const buffer = await alignedBuffer(file);
    if (buffer !== null) return { file, buffer };
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return null;
}

/**
 * Node does not say where its memory lies: the place in a larger buffer that is aligned as this medium
 * wants is found by reading. An allocator's header of 16 bytes is the usual case and tried first.
 */
async function alignedBuffer(file: FileHandle): Promise<Buffer | null> {
  const memory = Buffer.allocUnsafeSlow(CHUNK_BYTES + BLOCK_BYTES);
  for (let offset = BLOCK_BYTES - 16; offset >= 0; offset -= 16) {
    try {
      await file.read(memory, offset, BLOCK_BYTES, 0);
      return memory.subarray(offset, offset + CHUNK_BYTES);
    } catch (error) {
      if (!isFileError(error, 'EINVAL')) throw error;
    }
  }
  return null;
}
