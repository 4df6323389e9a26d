import type { WireReader } from '@flotilla/otlp';
import { anyValueText, readKeyValue } from '../any-value.ts';
import type { ByteWriter } from '../byte-writer.ts';
import type { Column } from './column.ts';
import { ListColumn } from './list-column.ts';
import { TextColumn } from './text-column.ts';
import { WordColumn } from './word-column.ts';

const NO_KEY = Buffer.alloc(0);

/**
 * `Map(LowCardinality(String), String)`, filled while KeyValue messages are read: begin, add…, end. Of
 * equal keys the last value stays, as in the OTel Collector. Text is copied, never decoded.
 */
export class MapColumn implements Column {
  readonly #keys = new WordColumn();
  readonly #values = new TextColumn();
  readonly #list = new ListColumn([this.#keys, this.#values]);
  /** Where the row under way begins. */
  #keysStart = 0;
  #valuesStart = 0;
  /** In which row each key was seen last, by the key's number; rows are counted from 1. */
  readonly #seenIn: number[] = [];
  #row = 0;
  #hasEqualKeys = false;

  get rowCount(): number {
    return this.#list.rowCount;
  }

  get sizeBytes(): number {
    return this.#list.sizeBytes;
  }

  begin(): void {
    this.#keysStart = this.#keys.rowCount;
    this.#valuesStart = this.#values.sizeBytes;
    this.#row += 1;
    this.#hasEqualKeys = false;
  }

  /** Takes the KeyValue message in the reader's current field. */
  add(reader: WireReader): void {
    const outerEnd = reader.enter();
    const start = reader.position;
    if (!this.#addPlain(reader)) {
      reader.seek(start);
      const [key, value] = readKeyValue(reader);
      const bytes = Buffer.from(key);
      this.#key(bytes, 0, bytes.length);
      this.#values.text(anyValueText(value));
    }
    reader.leave(outerEnd);
  }

  end(): void {
    if (this.#hasEqualKeys) this.#keepLastOfEqualKeys();
    this.#list.end();
  }

  /** Calls `take` with the place of the value of `key` in the row just ended; length 0 when it has none. */
  valueOf(key: Uint8Array, take: (bytes: Uint8Array, start: number, length: number) => void): void {
    const index = this.#keys.dictionary.indexOf(key, 0, key.length);
    if (this.#seenIn[index] === this.#row) {
      const spans = this.#values.spans(this.#valuesStart);
      for (const [i, [start, length]] of spans.entries()) {
        if (this.#keys.indexAt(this.#keysStart + i) !== index) continue;
        take(this.#values.written(), start, length);
        return;
      }
    }
    take(NO_KEY, 0, 0);
  }

  /** Makes the last row stand in `times` rows; 0 takes it away. */
  repeatLast(times: number): void {
    const length = this.#keys.rowCount - this.#keysStart;
    this.#values.repeatRows(length, this.#values.sizeBytes - this.#valuesStart, times);
    this.#keys.repeatRows(length, times);
    this.#list.repeatLast(length, times);
  }

  mark(): void {
    this.#list.mark();
  }

  rollBack(): void {
    this.#list.rollBack();
  }

  writePrefix(into: ByteWriter): void {
    this.#list.writePrefix(into);
  }

  writeData(parts: Buffer[], following: readonly this[] = []): void {
    this.#list.writeData(
      parts,
      following.map((column) => column.#list),
    );
  }

  select(keep: Uint8Array): Column {
    return this.#list.select(keep);
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
    this.#values.bytesText(reader.source, valueStart, valueLength);
    return true;
  }

  #key(source: Uint8Array, start: number, length: number): void {
    const index = this.#keys.bytesText(source, start, length);
    if (this.#seenIn[index] === this.#row) this.#hasEqualKeys = true;
    this.#seenIn[index] = this.#row;
  }

  #keepLastOfEqualKeys(): void {
    // Copied, as the same place is written anew.
    const bytes = Buffer.from(this.#values.written());
    const entries = new Map<number, readonly [number, number]>();
    for (const [i, span] of this.#values.spans(this.#valuesStart).entries()) {
      entries.set(this.#keys.indexAt(this.#keysStart + i), span);
    }
    this.#keys.truncate(this.#keysStart);
    this.#values.truncate(this.#keysStart, this.#valuesStart);
    for (const [key, [start, length]] of entries) {
      this.#keys.push(key);
      this.#values.bytesText(bytes, start, length);
    }
  }
}
