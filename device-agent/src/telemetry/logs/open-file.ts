import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHead, FilePlace } from './position-store.ts';

/** Of the first bytes, which tell one file from the next on a reused inode. */
const HEAD_BYTES = 1024;
/** Of the last bytes, which tell a copy. */
const TAIL_BYTES = 4096;

export const NO_HEAD: FileHead = { length: 0, hash: '' };

/** A folder, a pipe or a device where a log file was expected. */
export class NotAFileError extends Error {
  override readonly name = 'NotAFileError';
}

/** A log file held open: what is in it can be read whatever becomes of its name. */
export class OpenFile {
  readonly id: string;
  /** Nothing came since that many looks. */
  quietLooks = 0;
  offset = 0;
  skipping = false;
  head: FileHead = NO_HEAD;
  readonly #fd: number;

  /** Throws what open(2) throws, and NotAFileError. */
  constructor(path: string) {
    // Opening a pipe would otherwise wait for its writer.
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(this.#fd);
    this.id = `${stat.dev}:${stat.ino}`;
    if (stat.isFile()) return;
    closeSync(this.#fd);
    throw new NotAFileError(`${path} is no regular file`);
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  get mtimeMs(): number {
    return fstatSync(this.#fd).mtimeMs;
  }

  get place(): FilePlace {
    const { id, offset, skipping, head } = this;
    return { id, offset, skipping, head };
  }

  /** Goes on from a place in this file or in the one it is a copy of. */
  moveTo({ offset, skipping, head }: Omit<FilePlace, 'id'>): void {
    this.offset = offset;
    this.skipping = skipping;
    this.head = head;
    this.quietLooks = 0;
  }

  read(maxBytes: number): Buffer {
    return this.#readAt(this.offset, maxBytes);
  }

  /** This file is, or is a copy of, the one whose first bytes these were; an empty head tells nothing. */
  hasHead(head: FileHead): boolean {
    return headOf(this.#readAt(0, head.length)).hash === head.hash;
  }

  /** The place lies in this file as it is now. */
  holds(place: Omit<FilePlace, 'id'>): boolean {
    return this.size >= place.offset && this.hasHead(place.head);
  }

  /**
   * The longer the head, the surer. `bytes` are the first ones that were just read, or null to look
   * anew; a file that no longer begins as it did keeps its head.
   */
  extendHead(bytes: Buffer | null = null): void {
    if (this.head.length >= HEAD_BYTES) return;
    const first = bytes?.subarray(0, HEAD_BYTES) ?? this.#readAt(0, HEAD_BYTES);
    const isSame = headOf(first.subarray(0, this.head.length)).hash === this.head.hash;
    if (isSame && first.length >= this.head.length) this.head = headOf(first);
  }

  /** Begins as `other` does, and its end is found there at the same place. */
  isCopyOf(other: OpenFile): boolean {
    const { size } = this;
    const tailAt = Math.max(0, size - TAIL_BYTES);
    return [0, tailAt].every((position) => {
      const length = Math.min(TAIL_BYTES, size - position);
      return this.#readAt(position, length).equals(other.#readAt(position, length));
    });
  }

  close(): void {
    closeSync(this.#fd);
  }

  #readAt(position: number, maxBytes: number): Buffer {
    const buffer = Buffer.allocUnsafe(maxBytes);
    const count = readSync(this.#fd, buffer, 0, maxBytes, position);
    return buffer.subarray(0, count);
  }
}

function headOf(bytes: Uint8Array): FileHead {
  const { length } = bytes;
  if (length === 0) return NO_HEAD;
  return { length, hash: createHash('sha256').update(bytes).digest('base64url').slice(0, 22) };
}
