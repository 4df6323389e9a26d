/** A block of ClickHouse's Native format, read back by its definition, for the types our tables have. */
export interface NativeBlock {
  readonly columns: readonly (readonly [name: string, type: string])[];
  readonly rows: Record<string, unknown>[];
}

/** Reads `rowCount` values of a column, after its prefix. */
interface ColumnReader {
  readonly prefix: (cursor: Cursor) => void;
  readonly values: (cursor: Cursor, rowCount: number) => unknown[];
}

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) {
      throw new Error(`a value ends ${this.at + count - this.bytes.length} bytes past the end`);
    }
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** LEB128, as lengths are written. */
  length(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.take(1).readUInt8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error(`a length of more than five bytes at ${this.at}`);
  }

  text(): string {
    return this.take(this.length()).toString('utf8');
  }

  uint64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }
}

const SCALARS: Readonly<Record<string, (cursor: Cursor) => unknown>> = {
  UInt8: (cursor) => cursor.take(1).readUInt8(),
  UInt32: (cursor) => cursor.take(4).readUInt32LE(),
  Int32: (cursor) => cursor.take(4).readInt32LE(),
  UInt64: (cursor) => cursor.take(8).readBigUInt64LE(),
  Float64: (cursor) => cursor.take(8).readDoubleLE(),
  'DateTime64(9)': (cursor) => cursor.take(8).readBigInt64LE(),
  'DateTime64(3)': (cursor) => cursor.take(8).readBigInt64LE(),
  String: (cursor) => cursor.text(),
  Bool: (cursor) => {
    const byte = cursor.take(1).readUInt8();
    if (byte > 1) throw new Error(`${byte} is no Bool`);
    return byte === 1;
  },
};

const times = <T>(count: number, read: () => T): T[] => Array.from({ length: count }, read);

const words: ColumnReader = {
  prefix: (cursor) => {
    if (cursor.uint64() !== 1) throw new Error('an unknown version of LowCardinality');
  },
  values: (cursor, rowCount) => {
    if (rowCount === 0) return [];
    const flags = cursor.uint64();
    // Additional keys, a dictionary of this block alone, and the width of the indexes.
    if ((flags & ~0xff) !== 0x600) throw new Error(`flags ${flags.toString(16)}`);
    const dictionary = times(cursor.uint64(), () => cursor.text());
    if (new Set(dictionary).size !== dictionary.length) throw new Error('a word stands twice');
    if (cursor.uint64() !== rowCount) throw new Error('as many indexes as rows');
    const width = [1, 2, 4][flags & 0xff] ?? 0;
    return times(rowCount, () => {
      const word = dictionary[cursor.take(width).readUIntLE(0, width)];
      if (word === undefined) throw new Error('an index without a word');
      return word;
    });
  },
};

/** Rows of one list each, of the values that `element` reads for all of them. */
function lists(inner: readonly ColumnReader[]): ColumnReader {
  return {
    prefix: (cursor) => {
      for (const { prefix } of inner) prefix(cursor);
    },
    values: (cursor, rowCount) => {
      const ends = times(rowCount, () => cursor.uint64());
      const columns = inner.map(({ values }) => values(cursor, ends.at(-1) ?? 0));
      return ends.map((end, row) => {
        const start = row === 0 ? 0 : (ends[row - 1] ?? 0);
        if (end < start) throw new Error('a list ends before it starts');
        const places = times(end - start, () => 0).map((_, i) => start + i);
        return columns.length === 1
          ? places.map((at) => columns[0]?.[at])
          : places.map((at) => columns.map((column) => column[at]));
      });
    },
  };
}

function readerOf(type: string): ColumnReader {
  const scalar = SCALARS[type];
  if (scalar !== undefined) {
    return {
      prefix: () => undefined,
      values: (cursor, count) => times(count, () => scalar(cursor)),
    };
  }
  if (type === 'LowCardinality(String)') return words;
  const element = /^Array\((.*)\)$/.exec(type)?.[1];
  if (element !== undefined) return lists([readerOf(element)]);
  const [, key, value] = /^Map\((.*), (\w+)\)$/.exec(type) ?? [];
  if (key === undefined || value === undefined) throw new Error(`no reader for ${type}`);
  return lists([readerOf(key), readerOf(value)]);
}

/** One block; throws unless it ends where the bytes end. Maps are lists of their entries. */
export function readNativeBlock(bytes: Buffer): NativeBlock {
  const cursor = new Cursor(bytes);
  const columnCount = cursor.length();
  const rowCount = cursor.length();
  const rows = times(rowCount, (): Record<string, unknown> => ({}));
  const columns = times(columnCount, () => {
    const name = cursor.text();
    const type = cursor.text();
    const reader = readerOf(type);
    reader.prefix(cursor);
    for (const [row, value] of reader.values(cursor, rowCount).entries()) {
      const into = rows[row];
      if (into !== undefined) into[name] = value;
    }
    return [name, type] as const;
  });
  if (cursor.at !== bytes.length) throw new Error('bytes are left after the last column');
  return { columns, rows };
}
