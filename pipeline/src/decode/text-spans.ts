import type { WireReader } from '@flotilla/otlp';
import type { TextColumn } from './columns/text-column.ts';

/** What takes text. */
export interface TextTaker {
  bytesText(source: Uint8Array, start: number, length: number): unknown;
}

/** Places of texts in what is read, kept until it is their column's turn. The last of one kind stays. */
export class TextSpans {
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;

  constructor(count: number) {
    this.#starts = new Int32Array(count);
    this.#lengths = new Int32Array(count);
  }

  clear(): void {
    for (let i = 0; i < this.#lengths.length; i += 1) this.#lengths[i] = 0;
  }

  text(which: number, reader: WireReader): void {
    this.#starts[which] = reader.text();
    this.#lengths[which] = reader.spanLength;
  }

  bytes(which: number, reader: WireReader): void {
    this.#starts[which] = reader.span();
    this.#lengths[which] = reader.spanLength;
  }

  write(which: number, reader: WireReader, into: TextTaker): void {
    into.bytesText(reader.source, this.#starts[which] ?? 0, this.#lengths[which] ?? 0);
  }

  writeHex(which: number, reader: WireReader, into: TextColumn): void {
    into.hexText(reader.source, this.#starts[which] ?? 0, this.#lengths[which] ?? 0);
  }
}
