import { open } from 'node:fs/promises';

const CHUNK_BYTES = 256 * 1024;

/**
 * The bytes [firstByte, firstByte + lengthBytes) of a file or device in chunks of at most 256 KiB, each
 * a buffer of its own. Ends early when the file does.
 */
export async function* readRange(
  path: string,
  firstByte: number,
  lengthBytes: number,
): AsyncGenerator<Buffer> {
  const file = await open(path, 'r');
  try {
    let position = firstByte;
    const end = firstByte + lengthBytes;
    while (position < end) {
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - position));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
