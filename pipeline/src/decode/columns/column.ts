import type { ByteWriter } from '../byte-writer.ts';

/**
 * One column of a block in ClickHouse's Native format, filled value by value. `mark` remembers the
 * state that `rollBack` returns to.
 */
export interface Column {
  readonly rowCount: number;
  /** Of its values as they will be written, roughly. */
  readonly sizeBytes: number;
  mark(): void;
  rollBack(): void;
  /** What the format puts before all data of the column, of nested columns too. */
  writePrefix(into: ByteWriter): void;
  /** Adds its data to `parts`, and behind it that of `following`; they share memory with the columns. */
  writeData(parts: Buffer[], following?: readonly this[]): void;
  /** A column of the values whose place in `keep` is 1. */
  select(keep: Uint8Array): Column;
}
