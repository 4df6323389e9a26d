import { DecodeError, type WireReader } from '@flotilla/otlp';
import { anyValueText, readKeyValue } from './any-value.ts';
import type { RowWriter } from './row-writer.ts';

/** Below this many, comparing each key with each is cheaper than a set. */
const FEW_KEYS = 12;

/**
 * Writes a `Map(String, String)` while its KeyValue messages are read: begin, add…, end. Of equal keys
 * the last value stays, as in the OTel Collector. Text is copied, never decoded.
 */
export class AttributeMap {
  readonly #writer: RowWriter;
  #start = 0;
  #count = 0;
  /** Start and length of each key among the written bytes, in pairs. */
  readonly #keys: number[] = [];

  constructor(writer: RowWriter) {
    this.#writer = writer;
  }

  begin(): void {
    this.#start = this.#writer.length;
    this.#count = 0;
    this.#keys.length = 0;
    this.#writer.uint8(0);
  }

  /** Takes the KeyValue message in the reader's current field. */
  add(reader: WireReader): void {
    const outerEnd = reader.enter();
    const start = reader.position;
    if (!this.#addPlain(reader)) {
      reader.seek(start);
      const [key, value] = readKeyValue(reader);
      this.#key(Buffer.from(key), 0, Buffer.byteLength(key));
      this.#writer.text(anyValueText(value));
    }
    reader.leave(outerEnd);
  }

  end(): void {
    if (this.#count > 1 && this.#hasEqualKeys()) this.#keepLastOfEqualKeys();
    if (this.#count < 0x80) this.#writer.uint8At(this.#start, this.#count);
    else this.#widenCount();
  }

  /** Writes the String value of `key` in the map just ended, '' when it has none. */
  valueOf(key: Uint8Array, into: RowWriter): void {
    const bytes = this.#writer.written();
    for (let i = 0; i < this.#keys.length; i += 2) {
      const start = this.#keys[i] ?? 0;
      const end = start + (this.#keys[i + 1] ?? 0);
      if (end - start !== key.length || !bytes.subarray(start, end).equals(key)) continue;
      const value = readString(bytes, end);
      // A copy, since writing may move the bytes it would be read from.
      into.block(Buffer.from(bytes.subarray(end, value.end)));
      return;
    }
    into.uint8(0);
  }

  /** The usual form: a key, then a text; false when it is any other. */
  #addPlain(reader: WireReader): boolean {
    if (reader.next() !== 1) return false;
    const keyStart = reader.text();
    const keyLength = reader.spanLength;
    if (reader.next() !== 2) return false;
    const outerEnd = reader.enter();
    const isText = reader.next() === 1;
    const valueStart = isText ? reader.text() : 0;
    const valueLength = reader.spanLength;
    const isPlain = isText && reader.remainingBytes === 0;
    reader.leave(outerEnd);
    if (!isPlain || reader.remainingBytes > 0) return false;
    this.#key(reader.source, keyStart, keyLength);
    this.#writer.bytesText(reader.source, valueStart, valueLength);
    return true;
  }

  #key(source: Uint8Array, start: number, length: number): void {
    this.#writer.bytesText(source, start, length);
    this.#keys.push(this.#writer.length - length, length);
    this.#count += 1;
  }

  #hasEqualKeys(): boolean {
    const bytes = this.#writer.written();
    const keys = this.#keys;
    if (this.#count > FEW_KEYS) {
      const seen = new Set<string>();
      for (let i = 0; i < keys.length; i += 2) seen.add(this.#keyText(bytes, i));
      return seen.size < this.#count;
    }
    for (let i = 2; i < keys.length; i += 2) {
      for (let j = 0; j < i; j += 2) {
        if (keys[i + 1] === keys[j + 1] && equalBytes(bytes, keys[i], keys[j], keys[i + 1])) {
          return true;
        }
      }
    }
    return false;
  }

  #keepLastOfEqualKeys(): void {
    // Copied, as the same place is written anew.
    const bytes = Buffer.from(this.#writer.written());
    const entries = new Map<string, readonly [number, number]>();
    for (let i = 0; i < this.#keys.length; i += 2)
      entries.set(this.#keyText(bytes, i), this.#at(i));
    this.#writer.truncate(this.#start);
    this.begin();
    for (const [start, length] of entries.values()) {
      this.#key(bytes, start, length);
      const value = readString(bytes, start + length);
      this.#writer.bytesText(bytes, value.start, value.end - value.start);
    }
  }

  #at(index: number): readonly [number, number] {
    return [this.#keys[index] ?? 0, this.#keys[index + 1] ?? 0];
  }

  #keyText(bytes: Buffer, index: number): string {
    const [start, length] = this.#at(index);
    return bytes.toString('latin1', start, start + length);
  }

  /** The count takes more than the byte left for it. */
  #widenCount(): void {
    const entries = Buffer.from(this.#writer.written(this.#start + 1));
    this.#writer.truncate(this.#start);
    this.#writer.varUint(this.#count);
    const moved = this.#writer.length - this.#start - 1;
    for (let i = 0; i < this.#keys.length; i += 2) this.#keys[i] = (this.#keys[i] ?? 0) + moved;
    this.#writer.block(entries);
  }
}

function equalBytes(bytes: Uint8Array, a = 0, b = 0, length = 0): boolean {
  for (let i = 0; i < length; i += 1) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** Where the content of the String value at `at` lies. */
function readString(
  bytes: Uint8Array,
  at: number,
): { readonly start: number; readonly end: number } {
  let length = 0;
  let start = at;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[start];
    if (byte === undefined) throw new DecodeError('truncated', 'a written value is incomplete');
    start += 1;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return { start, end: start + length };
  }
}
