import { UnreadableBatchError } from './unreadable-batch.ts';

export interface BatchRecord {
  readonly offsetDelta: number;
  readonly timeDelta: number;
  readonly key: Buffer | null;
  /** Empty for a record without one. */
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

const EMPTY = Buffer.alloc(0);
const MAX_VARINT_BYTES = 10;

/** The records of a batch, decompressed. Throws UnreadableBatchError when lengths do not fit. */
export function readRecords(bytes: Buffer, count: number): BatchRecord[] {
  const cursor = new Cursor(bytes);
  const records: BatchRecord[] = [];
  for (let i = 0; i < count; i += 1) records.push(readRecord(cursor));
  return records;
}

function readRecord(cursor: Cursor): BatchRecord {
  const length = cursor.varint();
  const start = cursor.at;
  cursor.skip(1); // attributes, unused
  const timeDelta = cursor.varint();
  const offsetDelta = cursor.varint();
  if (offsetDelta < 0) throw new UnreadableBatchError('a record lies before its batch');
  const key = cursor.bytes();
  const value = cursor.bytes() ?? EMPTY;
  const headers: Record<string, string> = {};
  const count = cursor.varint();
  for (let i = 0; i < count; i += 1) {
    const name = cursor.bytes() ?? EMPTY;
    defineHeader(headers, name.toString('utf8'), (cursor.bytes() ?? EMPTY).toString('utf8'));
  }
  if (cursor.at - start !== length) {
    throw new UnreadableBatchError('a record is not as long as it says');
  }
  return { offsetDelta, timeDelta, key, value, headers };
}

/** A foreign header may be called `__proto__`. */
function defineHeader(headers: Record<string, string>, name: string, value: string): void {
  if (name !== '__proto__') headers[name] = value;
  else Object.defineProperty(headers, name, { value, enumerable: true });
}

class Cursor {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  skip(length: number): void {
    if (length < 0 || length > this.#bytes.length - this.at) {
      throw new UnreadableBatchError('a record ends outside of its batch');
    }
    this.at += length;
  }

  /** ZigZag; exact up to 2^53, and larger ones are no length and no delta of ours. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new UnreadableBatchError('a number is cut off');
      this.at += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    throw new UnreadableBatchError('a number has no end');
  }

  /** Null for a length of -1. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.at;
    this.skip(length);
    return this.#bytes.subarray(start, this.at);
  }
}
