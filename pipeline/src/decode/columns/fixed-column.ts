import { ByteWriter } from '../byte-writer.ts';
import type { Column } from './column.ts';

/** Numbers and times: values of `widthBytes`, written with the method of their type. */
export class FixedColumn extends ByteWriter implements Column {
  readonly #widthBytes: number;
  #marked = 0;

  constructor(widthBytes: number) {
    super();
    this.#widthBytes = widthBytes;
  }

  get rowCount(): number {
    return this.length / this.#widthBytes;
  }

  get sizeBytes(): number {
    return this.length;
  }

  /** Makes the last value stand in `times` rows; 0 takes it away. */
  repeatLast(times: number): void {
    this.repeatTail(this.#widthBytes, times);
  }

  mark(): void {
    this.#marked = this.length;
  }

  rollBack(): void {
    this.truncate(this.#marked);
  }

  writePrefix(): void {
    // None.
  }

  writeData(parts: Buffer[], following: readonly this[] = []): void {
    parts.push(this.written(), ...following.map((column) => column.written()));
  }

  select(keep: Uint8Array): FixedColumn {
    const selected = new FixedColumn(this.#widthBytes);
    const bytes = this.written();
    const width = this.#widthBytes;
    for (let row = 0; row < this.rowCount; row += 1) {
      if (keep[row] === 1) selected.raw(bytes, row * width, width);
    }
    return selected;
  }
}
