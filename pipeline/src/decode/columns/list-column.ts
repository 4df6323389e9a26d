import type { ByteWriter } from '../byte-writer.ts';
import type { Column } from './column.ts';
import { FixedColumn } from './fixed-column.ts';

const TWO_32 = 0x1_0000_0000;

/**
 * `Array`, or a `Map` with its two columns: a row is what its inner columns got since the row before.
 * Rows that nobody closed are empty, and are filled in when a later one is closed.
 */
export class ListColumn implements Column {
  readonly inner: readonly Column[];
  readonly #ends = new FixedColumn(8);
  #lastEnd = 0;
  #markedEnd = 0;

  constructor(inner: readonly Column[]) {
    this.inner = inner;
  }

  get rowCount(): number {
    return this.#ends.rowCount;
  }

  get sizeBytes(): number {
    return this.inner.reduce((sum, { sizeBytes }) => sum + sizeBytes, this.#ends.length);
  }

  /** Ends row `row`. */
  close(row: number): void {
    this.pad(row);
    this.end();
  }

  /** Ends the next row. */
  end(): void {
    this.#lastEnd = this.inner[0]?.rowCount ?? 0;
    this.#pushEnd();
  }

  /** Makes `rowCount` rows of it, those that are missing empty. */
  pad(rowCount: number): void {
    const missing = rowCount - this.rowCount;
    if (missing <= 0) return;
    this.#pushEnd();
    this.#ends.repeatLast(missing);
  }

  #pushEnd(): void {
    this.#ends.uint64(this.#lastEnd >>> 0, Math.floor(this.#lastEnd / TWO_32));
  }

  /** Makes the last row, of `length` elements, whose inner columns were repeated, stand in `times` rows. */
  repeatLast(length: number, times: number): void {
    if (times === 0) {
      this.#ends.repeatLast(0);
      this.#lastEnd -= length;
    }
    for (let i = 1; i < times; i += 1) {
      this.#lastEnd += length;
      this.#pushEnd();
    }
  }

  mark(): void {
    this.#ends.mark();
    this.#markedEnd = this.#lastEnd;
    for (const column of this.inner) column.mark();
  }

  rollBack(): void {
    this.#ends.rollBack();
    this.#lastEnd = this.#markedEnd;
    for (const column of this.inner) column.rollBack();
  }

  writePrefix(into: ByteWriter): void {
    for (const column of this.inner) column.writePrefix(into);
  }

  writeData(parts: Buffer[], following: readonly this[] = []): void {
    parts.push(this.#ends.written());
    let before = this.#lastEnd;
    for (const list of following) {
      parts.push(list.#endsBehind(before));
      before += list.#lastEnd;
    }
    for (const [i, column] of this.inner.entries()) {
      column.writeData(
        parts,
        following.flatMap(({ inner }) => inner[i] ?? []),
      );
    }
  }

  /** Ends of rows whose elements stand behind `before` others. */
  #endsBehind(before: number): Buffer {
    const ends = this.#ends.written();
    const moved = new FixedColumn(8);
    if (this.#lastEnd === 0) {
      if (this.rowCount === 0) return ends;
      moved.uint64(before >>> 0, Math.floor(before / TWO_32));
      moved.repeatLast(this.rowCount);
      return moved.written();
    }
    for (let at = 0; at < ends.length; at += 8) {
      const end = ends.readUInt32LE(at) + ends.readUInt32LE(at + 4) * TWO_32 + before;
      moved.uint64(end >>> 0, Math.floor(end / TWO_32));
    }
    return moved.written();
  }

  select(keep: Uint8Array): ListColumn {
    const ends = this.#ends.written();
    const keepInner = new Uint8Array(this.inner[0]?.rowCount ?? 0);
    const lengths: number[] = [];
    let start = 0;
    for (let row = 0; row < this.rowCount; row += 1) {
      const end = Number(ends.readBigUInt64LE(row * 8));
      if (keep[row] === 1) {
        keepInner.fill(1, start, end);
        lengths.push(end - start);
      }
      start = end;
    }
    const selected = new ListColumn(this.inner.map((column) => column.select(keepInner)));
    for (const length of lengths) {
      selected.#lastEnd += length;
      selected.#pushEnd();
    }
    return selected;
  }
}
