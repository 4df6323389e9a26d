import { RowEncoder } from '../../src/decode/row-encoder.ts';
import type { TelemetryTable } from '../../src/decode/tables.ts';
import { readNativeBlock } from './native-block.ts';

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
      const { columns, rows } = readNativeBlock(Buffer.concat(encoded.parts()));
      if (rows.length !== encoded.count) throw new Error(`${rows.length} rows of ${encoded.count}`);
      return [encoded.table, rows.map((row) => withMapsAndDigits(row, columns))];
    }),
  );
}

function withMapsAndDigits(
  row: Readonly<Record<string, unknown>>,
  columns: readonly (readonly [name: string, type: string])[],
): DecodedRow {
  return Object.fromEntries(
    columns.map(([name, type]) => [name, plainValue(row[name], type)]),
  ) as unknown as DecodedRow;
}

function plainValue(value: unknown, type: string): unknown {
  if (typeof value === 'bigint') return rawJSON(String(value));
  if (!Array.isArray(value)) return value;
  const element = /^Array\((.*)\)$/.exec(type)?.[1];
  if (element !== undefined) return value.map((inner) => plainValue(inner, element));
  const map = Object.fromEntries(value as [string, string][]);
  if (Object.keys(map).length !== value.length) throw new Error('a key stands twice');
  return map;
}
