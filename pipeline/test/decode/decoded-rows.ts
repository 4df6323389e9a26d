import { RowEncoder } from '../../src/decode/row-encoder.ts';
import { TABLES, type TelemetryTable } from '../../src/decode/tables.ts';

// ES2026; V8 has it since 11.4, the compiler's library does not yet.
const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => RawNumber };

/** A 64-bit number, digit by digit. */
interface RawNumber {
  readonly rawJSON: string;
}

/** The columns of its table; those that tests look into are spelt out, though no table has them all. */
export interface DecodedRow {
  readonly [column: string]: unknown;
  readonly Timestamp: RawNumber;
  readonly TimeUnix: RawNumber;
  readonly Body: string;
  readonly SeverityNumber: number;
  readonly Value: number;
  readonly ResourceAttributes: Record<string, string>;
  readonly LogAttributes: Record<string, string>;
  readonly Attributes: Record<string, string>;
  readonly BucketCounts: RawNumber[];
  readonly PositiveBucketCounts: RawNumber[];
  readonly NegativeBucketCounts: RawNumber[];
}
export type DecodedRows = Partial<Record<TelemetryTable, DecodedRow[]>>;

/** Rows of one request, read back from their encoding; 64-bit numbers as raw JSON. */
export function decodeRequest(topic: string, value: Uint8Array): DecodedRows {
  const encoder = new RowEncoder(topic, 0);
  encoder.add(7, value);
  return rowsOf(encoder);
}

export function rowsOf(encoder: RowEncoder): DecodedRows {
  return Object.fromEntries(
    encoder.tables().map((encoded) => {
      const reader = new RowReader(encoded.bytes());
      const rows = Array.from({ length: encoded.count }, () =>
        Object.fromEntries(
          TABLES[encoded.table].columns.map(([name, type]) => [name, reader.read(type)]),
        ),
      ) as unknown as DecodedRow[];
      if (!reader.atEnd) throw new Error(`bytes are left after the last row of ${encoded.table}`);
      return [encoded.table, rows];
    }),
  );
}

/** RowBinary as ClickHouse documents it, for the types our tables have. */
class RowReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  read(type: string): unknown {
    const array = /^Array\((.*)\)$/.exec(type)?.[1];
    if (array !== undefined) return Array.from({ length: this.#varUint() }, () => this.read(array));
    if (type.startsWith('Map(')) {
      const entries = Array.from({ length: this.#varUint() }, () => [this.#text(), this.#text()]);
      const map = Object.fromEntries(entries) as object;
      if (Object.keys(map).length !== entries.length) throw new Error('a key stands twice');
      return map;
    }
    if (type === 'String') return this.#text();
    if (type === 'UInt8') return this.#bytes.readUInt8(this.#take(1));
    if (type === 'Bool') return this.#bytes.readUInt8(this.#take(1)) === 1;
    if (type === 'UInt32') return this.#bytes.readUInt32LE(this.#take(4));
    if (type === 'Int32') return this.#bytes.readInt32LE(this.#take(4));
    if (type === 'Float64') return this.#bytes.readDoubleLE(this.#take(8));
    if (type === 'UInt64' || type.startsWith('DateTime64')) {
      return rawJSON(String(this.#bytes.readBigUInt64LE(this.#take(8))));
    }
    throw new Error(`no reader for ${type}`);
  }

  #text(): string {
    const length = this.#varUint();
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #varUint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#take(1));
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  #take(count: number): number {
    const start = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) throw new Error('a row is incomplete');
    return start;
  }
}
