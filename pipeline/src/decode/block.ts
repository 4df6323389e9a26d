import { ByteWriter } from './byte-writer.ts';
import type { Column } from './columns/column.ts';
import { columnOfType } from './columns/column-of-type.ts';
import { FixedColumn } from './columns/fixed-column.ts';
import { ListColumn } from './columns/list-column.ts';
import { MapColumn } from './columns/map-column.ts';
import { TextColumn } from './columns/text-column.ts';
import { WordColumn } from './columns/word-column.ts';
import type { ColumnType } from './tables.ts';

/** A block of the same columns, and its rows. */
export interface BlockRows {
  readonly block: Block;
  readonly rowCount: number;
}

/** Rows of one table, column by column, as ClickHouse's Native format has them. */
export class Block {
  readonly #types: readonly ColumnType[];
  readonly #columns: ReadonlyMap<string, Column>;
  readonly #all: readonly Column[];

  constructor(
    types: readonly ColumnType[],
    columns = types.map(([, type]): Column => columnOfType(type)),
  ) {
    this.#types = types;
    this.#all = columns;
    this.#columns = new Map(columns.map((column, i) => [types[i]?.[0] ?? '', column]));
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const column of this.#all) sum += column.sizeBytes;
    return sum;
  }

  fixed(name: string): FixedColumn {
    return this.#column(name, FixedColumn);
  }

  text(name: string): TextColumn {
    return this.#column(name, TextColumn);
  }

  /** A column of text, whichever way its table keeps it. */
  anyText(name: string): TextColumn | WordColumn {
    return this.#columns.get(name) instanceof WordColumn ? this.word(name) : this.text(name);
  }

  word(name: string): WordColumn {
    return this.#column(name, WordColumn);
  }

  map(name: string): MapColumn {
    return this.#column(name, MapColumn);
  }

  list(name: string): ListColumn {
    return this.#column(name, ListColumn);
  }

  /** The elements of a list. */
  fixedIn(list: string): FixedColumn {
    return this.#element(list, FixedColumn);
  }

  textIn(list: string): TextColumn {
    return this.#element(list, TextColumn);
  }

  wordIn(list: string): WordColumn {
    return this.#element(list, WordColumn);
  }

  mapsIn(list: string): MapColumn {
    return this.#element(list, MapColumn);
  }

  has(name: string): boolean {
    return this.#columns.has(name);
  }

  mark(): void {
    for (const column of this.#all) column.mark();
  }

  /** Back to where `mark` was called last, or to nothing. */
  rollBack(): void {
    for (const column of this.#all) column.rollBack();
  }

  select(keep: Uint8Array): Block {
    return new Block(
      this.#types,
      this.#all.map((column) => column.select(keep)),
    );
  }

  /**
   * One block's bytes, of these rows and then those of `following`, in parts that share memory with
   * them; lists that lag behind get empty rows.
   */
  parts(rowCount: number, following: readonly BlockRows[] = []): Buffer[] {
    const all = [{ block: this, rowCount }, ...following];
    for (const { block, rowCount: rows } of all) block.#complete(rows);
    const parts: Buffer[] = [];
    const head = new ByteWriter(64);
    head.varUint(this.#all.length);
    head.varUint(all.reduce((sum, { rowCount: rows }) => sum + rows, 0));
    parts.push(head.written());
    for (const [i, column] of this.#all.entries()) {
      const [name, type] = this.#types[i] ?? ['', ''];
      const columnHead = new ByteWriter(64);
      columnHead.text(name);
      columnHead.text(type);
      column.writePrefix(columnHead);
      parts.push(columnHead.written());
      column.writeData(
        parts,
        following.flatMap(({ block }) => block.#all[i] ?? []),
      );
    }
    return parts;
  }

  #complete(rowCount: number): void {
    for (const [i, column] of this.#all.entries()) {
      if (column instanceof ListColumn) column.pad(rowCount);
      if (column.rowCount !== rowCount) {
        const name = this.#types[i]?.[0] ?? '';
        throw new RangeError(`${name} has ${column.rowCount} values for ${rowCount} rows`);
      }
    }
  }

  #column<T extends Column>(name: string, type: ColumnClass<T>): T {
    return expectClass(this.#columns.get(name), name, type);
  }

  #element<T extends Column>(name: string, type: ColumnClass<T>): T {
    return expectClass(this.list(name).inner[0], name, type);
  }
}

type ColumnClass<T extends Column> = new (...args: never[]) => T;

function expectClass<T extends Column>(
  column: Column | undefined,
  name: string,
  type: ColumnClass<T>,
): T {
  if (!(column instanceof type)) throw new RangeError(`${name} is no ${type.name}`);
  return column;
}
