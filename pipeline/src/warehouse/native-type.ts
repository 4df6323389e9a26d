/**
 * How a column of a ClickHouse type lies in the Native format, as far as finding its end takes:
 * https://clickhouse.com/docs/interfaces/formats/Native and the engine's serialisations.
 */
export type NativeLayout =
  | { readonly kind: 'fixed'; readonly sizeBytes: number }
  | { readonly kind: 'string' }
  | { readonly kind: 'nullable'; readonly inner: NativeLayout }
  | { readonly kind: 'array'; readonly inner: NativeLayout }
  | { readonly kind: 'tuple'; readonly elements: readonly NativeLayout[] }
  | { readonly kind: 'lowCardinality'; readonly dictionary: NativeLayout };

/** A type whose layout is not known here, such as Dynamic or the state of an aggregate function. */
export class UnknownNativeTypeError extends Error {
  override readonly name = 'UnknownNativeTypeError';
}

const STRING: NativeLayout = { kind: 'string' };
const POINT: NativeLayout = { kind: 'tuple', elements: [fixed(8), fixed(8)] };
const RING = arrayOf(POINT);

const PLAIN: Readonly<Record<string, NativeLayout>> = {
  ...fixedSizes(1, 'Int8 UInt8 Bool Enum8 Nothing'),
  ...fixedSizes(2, 'Int16 UInt16 Enum16 Date BFloat16'),
  ...fixedSizes(4, 'Int32 UInt32 Float32 Date32 DateTime Time IPv4'),
  ...fixedSizes(8, 'Int64 UInt64 Float64 DateTime64 Time64'),
  ...fixedSizes(16, 'Int128 UInt128 UUID IPv6'),
  ...fixedSizes(32, 'Int256 UInt256'),
  String: STRING,
  Point: POINT,
  Ring: RING,
  LineString: RING,
  Polygon: arrayOf(RING),
  MultiLineString: arrayOf(RING),
  MultiPolygon: arrayOf(arrayOf(RING)),
};

/** The layout of a type as the Native format writes its name. Throws UnknownNativeTypeError. */
export function nativeLayout(type: string): NativeLayout {
  const open = type.indexOf('(');
  const name = open < 0 ? type : type.slice(0, open);
  const args = open < 0 ? [] : splitArguments(type.slice(open + 1, type.lastIndexOf(')')));
  const inner = (index: number): NativeLayout => nativeLayout(args[index] ?? '');
  switch (name) {
    case 'Nullable':
      return { kind: 'nullable', inner: inner(0) };
    case 'Array':
      return arrayOf(inner(0));
    case 'Map':
      return arrayOf({ kind: 'tuple', elements: [inner(0), inner(1)] });
    case 'Nested':
      return arrayOf(tupleOf(args));
    case 'Tuple':
      return tupleOf(args);
    case 'LowCardinality':
      return { kind: 'lowCardinality', dictionary: withoutNull(inner(0)) };
    case 'SimpleAggregateFunction':
      return inner(1);
    case 'FixedString':
      return fixed(Number(args[0]));
    case 'Decimal':
      return fixed(decimalSize(Number(args[0])));
  }
  const plain = name.startsWith('Interval') ? fixed(8) : PLAIN[name];
  if (plain === undefined) throw new UnknownNativeTypeError(type);
  return plain;
}

function fixed(sizeBytes: number): NativeLayout {
  return { kind: 'fixed', sizeBytes };
}

function arrayOf(inner: NativeLayout): NativeLayout {
  return { kind: 'array', inner };
}

/** Elements are `Type` or `name Type`; without any, a row is one byte. */
function tupleOf(args: readonly string[]): NativeLayout {
  if (args.length === 0) return fixed(1);
  return { kind: 'tuple', elements: args.map((arg) => nativeLayout(withoutName(arg))) };
}

function withoutName(element: string): string {
  const name = /^(?:`(?:[^`\\]|\\.)*`|[^\s(`']+) +/s.exec(element)?.[0] ?? '';
  return element.slice(name.length);
}

/** A dictionary keeps null as one of its values, so it has no null map of its own. */
function withoutNull(layout: NativeLayout): NativeLayout {
  return layout.kind === 'nullable' ? layout.inner : layout;
}

function decimalSize(precision: number): number {
  if (precision <= 9) return 4;
  if (precision <= 18) return 8;
  return precision <= 38 ? 16 : 32;
}

function fixedSizes(sizeBytes: number, names: string): Record<string, NativeLayout> {
  return Object.fromEntries(names.split(' ').map((name) => [name, fixed(sizeBytes)]));
}

/** Splits at the commas of the outermost level; quoted text (enum values, element names) is passed over. */
function splitArguments(text: string): string[] {
  const args: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { 0: token, index } of text.matchAll(/'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]/gs)) {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (token === ',' && depth === 0) {
      args.push(text.slice(start, index).trim());
      start = index + 1;
    }
  }
  const last = text.slice(start).trim();
  return last === '' ? args : [...args, last];
}
