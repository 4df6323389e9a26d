import type { WireWriter } from '../wire/wire-writer.ts';
import type { ScalarKind } from './otlp-messages.ts';

const DECIMAL = /^-?\d{1,20}$/;
const HEX = /^([0-9A-Fa-f]{2})*$/;
/** Both alphabets of RFC 4648, padding optional (proto3 JSON mapping, "bytes"). */
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const DOUBLE = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const SPECIAL_DOUBLES: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

type Range = readonly [bigint, bigint];
const INT32: Range = [-(2n ** 31n), 2n ** 31n - 1n];
const UINT32: Range = [0n, 2n ** 32n - 1n];
const INT64: Range = [-(2n ** 63n), 2n ** 63n - 1n];
const UINT64: Range = [0n, 2n ** 64n - 1n];

/**
 * Writes one JSON value as a protobuf field; returns what is wrong with it, or null. Rules of the
 * proto3 JSON mapping as OTLP narrows it ("JSON Protobuf Encoding").
 */
export function writeScalar(
  writer: WireWriter,
  field: number,
  kind: ScalarKind,
  value: unknown,
): string | null {
  switch (kind) {
    case 'string':
      if (typeof value !== 'string') return 'must be text';
      writer.string(field, value);
      return null;
    case 'bool':
      if (typeof value !== 'boolean') return 'must be true or false';
      writer.bool(field, value);
      return null;
    case 'hex':
      if (typeof value !== 'string' || !HEX.test(value)) return 'must be hexadecimal text';
      writer.bytes(field, Buffer.from(value, 'hex'));
      return null;
    case 'bytes':
      if (typeof value !== 'string' || !BASE64.test(value)) return 'must be base64 text';
      writer.bytes(field, Buffer.from(value, 'base64'));
      return null;
    case 'double': {
      const number = toDouble(value);
      if (number === null) return 'must be a number';
      writer.double(field, number);
      return null;
    }
    default:
      return writeInteger(writer, field, kind, value);
  }
}

type IntegerKind = Exclude<ScalarKind, 'string' | 'bool' | 'hex' | 'bytes' | 'double'>;

const INTEGERS: Readonly<
  Record<IntegerKind, { range: Range; write: (w: WireWriter, field: number, v: bigint) => void }>
> = {
  int32: { range: INT32, write: (w, field, v) => w.int64(field, v) },
  enum: { range: INT32, write: (w, field, v) => w.int64(field, v) },
  sint32: { range: INT32, write: (w, field, v) => w.sint32(field, Number(v)) },
  uint32: { range: UINT32, write: (w, field, v) => w.uint64(field, v) },
  fixed32: { range: UINT32, write: (w, field, v) => w.fixed32(field, Number(v)) },
  int64: { range: INT64, write: (w, field, v) => w.int64(field, v) },
  sfixed64: { range: INT64, write: (w, field, v) => w.sfixed64(field, v) },
  uint64: { range: UINT64, write: (w, field, v) => w.uint64(field, v) },
  fixed64: { range: UINT64, write: (w, field, v) => w.fixed64(field, v) },
};

function writeInteger(
  writer: WireWriter,
  field: number,
  kind: IntegerKind,
  value: unknown,
): string | null {
  const { range, write } = INTEGERS[kind];
  // OTLP: enums are integers, never names, so text is for numbers only.
  const integer = toInteger(value);
  if (integer === null) return 'must be an integer';
  if (integer < range[0] || integer > range[1]) return `must lie in ${range[0]} to ${range[1]}`;
  write(writer, field, integer);
  return null;
}

function toInteger(value: unknown): bigint | null {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && DECIMAL.test(value) ? BigInt(value) : null;
}

function toDouble(value: unknown): number | null {
  if (typeof value === 'string') {
    const special = SPECIAL_DOUBLES.get(value);
    if (special !== undefined) return special;
    if (!DOUBLE.test(value)) return null;
  } else if (typeof value !== 'number') return null;
  // Beyond a double's range JSON reads as infinite; the mapping refuses it, as text and as number.
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
