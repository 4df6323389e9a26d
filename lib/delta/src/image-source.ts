import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** An image as generation reads it: anywhere, at once. It must not change meanwhile. */
export interface ImageSource {
  readonly sizeBytes: number;
  /** Exactly `length` bytes, which lie inside the image; the callee's to keep, not to change. */
  read(offset: number, length: number): Uint8Array;
}

export function bufferImage(bytes: Uint8Array): ImageSource {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

export interface FileImage extends ImageSource {
  close(): void;
}

/** Holds the file open until `close`; nothing of it stays in memory. */
export function openFileImage(path: string): FileImage {
  const file = openSync(path, 'r');
  return {
    sizeBytes: fstatSync(file).size,
    read(offset, length) {
      const bytes = Buffer.allocUnsafeSlow(length);
      let done = 0;
      while (done < length) {
        const count = readSync(file, bytes, done, length - done, offset + done);
        if (count === 0) throw new RangeError(`${path} ends at ${offset + done}`);
        done += count;
      }
      return bytes;
    },
    close: () => closeSync(file),
  };
}
