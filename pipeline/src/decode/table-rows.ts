import { AttributeMap } from './attribute-map.ts';
import { RowWriter } from './row-writer.ts';
import { TABLES, type TelemetryTable } from './tables.ts';

/** Rows of one table, encoded one after the other. */
export class TableRows {
  readonly table: TelemetryTable;
  readonly writer = new RowWriter();
  /** For the row's own attributes. */
  readonly attributes = new AttributeMap(this.writer);
  readonly #starts: number[] = [];

  constructor(table: TelemetryTable) {
    this.table = table;
  }

  get count(): number {
    return this.#starts.length;
  }

  get sizeBytes(): number {
    return this.writer.length;
  }

  /** Begins a row: its fixed part, all zero, whose place is returned, then what it shares with others. */
  begin(shared: Uint8Array): number {
    this.#starts.push(this.writer.length);
    const at = this.writer.fixed(TABLES[this.table].fixedBytes);
    this.writer.block(shared);
    return at;
  }

  bytes(): Buffer {
    return this.writer.written();
  }

  /** Forgets all rows from `count` on. */
  truncate(count: number): void {
    const length = this.#starts[count];
    if (length === undefined) return;
    this.writer.truncate(length);
    this.#starts.length = count;
  }

  /**
   * Bytes of the rows whose key is not in `present`; a key is `offset:nanoseconds`, the row's place in
   * the log and its time. `source` is the IngestSource that all rows carry.
   */
  missing(present: ReadonlySet<string>, source: string): Buffer {
    const { fixedBytes, timeAt } = TABLES[this.table];
    const prefix = new RowWriter(source.length * 4 + 8);
    prefix.text(source);
    const bytes = this.bytes();
    const parts: Buffer[] = [];
    for (const [index, start] of this.#starts.entries()) {
      const offset = bytes.readBigUInt64LE(start + fixedBytes + prefix.length);
      const time = bytes.readBigInt64LE(start + timeAt);
      if (present.has(`${offset}:${time}`)) continue;
      parts.push(bytes.subarray(start, this.#starts[index + 1] ?? bytes.length));
    }
    return Buffer.concat(parts);
  }
}
