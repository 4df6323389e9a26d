import { DecodeError } from '@flotilla/otlp';
import { ByteWriter } from '../byte-writer.ts';
import type { Column } from './column.ts';

/** `String`: each value behind its length. */
export class TextColumn implements Column {
  readonly #bytes = new ByteWriter();
  #rowCount = 0;
  #lastStart = 0;
  #markedRows = 0;
  #markedLength = 0;

  get rowCount(): number {
    return this.#rowCount;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  /** UTF-8 bytes. */
  bytesText(source: Uint8Array, start: number, length: number): void {
    this.#begin();
    this.#bytes.bytesText(source, start, length);
  }

  text(value: string): void {
    this.#begin();
    this.#bytes.text(value);
  }

  /** Bytes as hex digits. */
  hexText(source: Uint8Array, start: number, length: number): void {
    this.#begin();
    this.#bytes.hexText(source, start, length);
  }

  #begin(): void {
    this.#lastStart = this.#bytes.length;
    this.#rowCount += 1;
  }

  /** Makes the last value stand in `times` rows; 0 takes it away. */
  repeatLast(times: number): void {
    this.#bytes.repeatTail(this.#bytes.length - this.#lastStart, times);
    this.#rowCount += times - 1;
  }

  /** As `repeatLast`, of the values in the last `rows` rows, which take `bytes`. */
  repeatRows(rows: number, bytes: number, times: number): void {
    this.#bytes.repeatTail(bytes, times);
    this.#rowCount += rows * (times - 1);
  }

  mark(): void {
    this.#markedRows = this.#rowCount;
    this.#markedLength = this.#bytes.length;
  }

  rollBack(): void {
    this.truncate(this.#markedRows, this.#markedLength);
  }

  truncate(rowCount: number, sizeBytes: number): void {
    this.#rowCount = rowCount;
    this.#bytes.truncate(sizeBytes);
  }

  writePrefix(): void {
    // None.
  }

  writeData(parts: Buffer[], following: readonly this[] = []): void {
    parts.push(this.written(), ...following.map((column) => column.written()));
  }

  select(keep: Uint8Array): TextColumn {
    const selected = new TextColumn();
    let row = 0;
    for (const [start, length] of this.spans(0)) {
      if (keep[row] === 1) selected.bytesText(this.written(), start, length);
      row += 1;
    }
    return selected;
  }

  /** Where the values lie in `written`, from the one that begins at byte `from` on. */
  spans(from: number): [start: number, length: number][] {
    const bytes = this.written();
    const spans: [number, number][] = [];
    for (let at = from; at < bytes.length;) {
      const [start, length] = readLength(bytes, at);
      spans.push([start, length]);
      at = start + length;
    }
    return spans;
  }

  /** Shares memory, so it is valid until the next write. */
  written(): Buffer {
    return this.#bytes.written();
  }
}

/** Start of the text whose length stands at `at`, and that length. */
function readLength(bytes: Uint8Array, at: number): [start: number, length: number] {
  let length = 0;
  let start = at;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[start];
    if (byte === undefined) throw new DecodeError('truncated', 'a written value is incomplete');
    start += 1;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return [start, length];
  }
}
