import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHead, FilePlace } from './position-store.ts';

/** Of the first bytes, which tell one file from the next on a reused inode. */
const HEAD_BYTES = 1024;

export const NO_HEAD: FileHead = { length: 0, hash: '' };

/** A log file held open: what is in it can be read whatever becomes of its name. */
export class OpenFile {
  readonly id: string;
  /** Nothing came since that many looks. */
  quietLooks = 0;
  offset = 0;
  skipping = false;
  head: FileHead = NO_HEAD;
  readonly #fd: number;

  /** Throws what open(2) throws. */
  constructor(path: string) {
    this.#fd = openSync(path, 'r');
    const { dev, ino } = fstatSync(this.#fd);
    this.id = `${dev}:${ino}`;
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
  moveTo(place: Omit<FilePlace, 'id'>): void {
    this.offset = place.offset;
    this.skipping = place.skipping;
    this.head = place.head;
  }

  read(maxBytes: number): Buffer {
    return this.#readAt(this.offset, maxBytes);
  }

  /** This file is, or is a copy of, the one whose first bytes these were; an empty head tells nothing. */
  hasHead(head: FileHead): boolean {
    return hashHead(this.#readAt(0, head.length), head.length).hash === head.hash;
  }

  /** After reading on, and only while `hasHead` held: the longer the head, the surer. */
  extendHead(): void {
    if (this.head.length >= HEAD_BYTES || this.head.length >= this.offset) return;
    const length = Math.min(HEAD_BYTES, this.offset);
    this.head = hashHead(this.#readAt(0, length), length);
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

function hashHead(bytes: Uint8Array, length: number): FileHead {
  if (length === 0) return NO_HEAD;
  return { length, hash: createHash('sha256').update(bytes).digest('base64url').slice(0, 22) };
}
