import { open } from 'node:fs/promises';

/** The image a patch starts from, readable anywhere. */
export interface RandomAccessBase {
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`; asked only for ranges inside the image. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A base in memory. */
export function bufferBase(bytes: Uint8Array): RandomAccessBase {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/** A base that holds a file open until `close`. */
export interface FileBase extends RandomAccessBase {
  close(): Promise<void>;
}

/** Opens a file or a block device's image; the size is taken once, so the file must not grow. */
export async function openFileBase(path: string): Promise<FileBase> {
  const file = await open(path, 'r');
  const sizeBytes = await file.stat().then(
    (stat) => stat.size,
    async (cause: unknown) => {
      await file.close();
      throw cause;
    },
  );
  return {
    sizeBytes,
    async read(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
    close: () => file.close(),
  };
}
