/** The RowBinary types that the pipeline writes, read back by their definition in ClickHouse's documentation. */
type Read = (cursor: Cursor) => unknown;

class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) {
      throw new Error(`row ends ${this.at + count - this.bytes.length} bytes past the end`);
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
}

const SCALARS: Readonly<Record<string, Read>> = {
  UInt8: (cursor) => cursor.take(1).readUInt8(),
  UInt32: (cursor) => cursor.take(4).readUInt32LE(),
  Int32: (cursor) => cursor.take(4).readInt32LE(),
  UInt64: (cursor) => cursor.take(8).readBigUInt64LE(),
  Float64: (cursor) => cursor.take(8).readDoubleLE(),
  "DateTime64(9, 'UTC')": (cursor) => cursor.take(8).readBigInt64LE(),
  String: (cursor) => cursor.take(cursor.length()).toString('utf8'),
  Bool: (cursor) => {
    const byte = cursor.take(1).readUInt8();
    if (byte > 1) throw new Error(`${byte} is no Bool`);
    return byte === 1;
  },
};

function readerOf(type: string): Read {
  const scalar = SCALARS[type];
  if (scalar !== undefined) return scalar;
  const list = /^Array\((.*)\)$/.exec(type)?.[1];
  if (list !== undefined) return repeated(readerOf(list));
  if (type !== 'Map(String, String)') throw new Error(`no reader for ${type}`);
  const text = readerOf('String');
  return repeated((cursor) => [text(cursor), text(cursor)]);
}

const repeated =
  (read: Read): Read =>
  (cursor) =>
    Array.from({ length: cursor.length() }, () => read(cursor));

/** All rows in `bytes`; throws unless they end where the bytes end. */
export function readRows(
  columns: readonly (readonly [name: string, type: string])[],
  bytes: Buffer,
): Record<string, unknown>[] {
  const readers = columns.map(([name, type]) => [name, readerOf(type)] as const);
  const cursor = new Cursor(bytes);
  const rows: Record<string, unknown>[] = [];
  while (cursor.at < bytes.length) {
    rows.push(Object.fromEntries(readers.map(([name, read]) => [name, read(cursor)])));
  }
  return rows;
}
