import type { FileHandle } from 'node:fs/promises';

/** Writes all of the bytes at that offset, however many calls it takes. */
export async function writeAt(
  file: FileHandle,
  bytes: Uint8Array,
  offsetBytes: number,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offsetBytes + done);
    done += bytesWritten;
  }
}
