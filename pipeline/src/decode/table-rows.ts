import { Block } from './block.ts';
import { ScopeColumns } from './scope-columns.ts';
import { TABLES, type TelemetryTable } from './tables.ts';

/** Rows of one table under way. */
export class TableRows {
  readonly table: TelemetryTable;
  readonly block: Block;
  readonly scope: ScopeColumns;
  #count = 0;
  #markedCount = 0;

  constructor(table: TelemetryTable, block = new Block(TABLES[table].columns)) {
    this.table = table;
    this.block = block;
    this.scope = new ScopeColumns(block);
  }

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.block.sizeBytes;
  }

  /** To be called once the row's own columns are written. */
  endRow(): void {
    this.#count += 1;
  }

  /** Remembers the state that `rollBack` returns to. */
  mark(): void {
    this.#markedCount = this.#count;
    this.block.mark();
  }

  rollBack(): void {
    this.#count = this.#markedCount;
    this.block.rollBack();
  }

  /**
   * These rows and then those of `following`, of the same table, as one block in ClickHouse's Native
   * format; shares memory, so it is valid until rows are added.
   */
  parts(following: readonly TableRows[] = []): Buffer[] {
    return this.block.parts(
      this.#count,
      following.map(({ block, count }) => ({ block, rowCount: count })),
    );
  }

  /**
   * The rows whose key is not in `present`, or null when there are none; a key is
   * `offset:nanoseconds`, the row's place in the log and its time.
   */
  missing(present: ReadonlySet<string>): Buffer[] | null {
    const offsets = this.block.fixed('IngestOffset').written();
    const times = this.block.fixed(TABLES[this.table].timeColumn).written();
    const keep = new Uint8Array(this.#count);
    let count = 0;
    for (let row = 0; row < this.#count; row += 1) {
      const key = `${offsets.readBigUInt64LE(row * 8)}:${times.readBigInt64LE(row * 8)}`;
      if (present.has(key)) continue;
      keep[row] = 1;
      count += 1;
    }
    return count === 0 ? null : this.block.select(keep).parts(count);
  }
}
