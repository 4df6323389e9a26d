import type { WireReader } from '@flotilla/otlp';

/** A value as `AnyValue` has it, before it becomes text. */
export type AnyValue =
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | readonly AnyValue[]
  | ReadonlyMap<string, AnyValue>
  | null;

/** opentelemetry/proto/common/v1/common.proto, AnyValue; the last field of the oneof wins. */
export function readAnyValue(reader: WireReader): AnyValue {
  let value: AnyValue = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) value = reader.string();
    else if (field === 2) value = reader.bool();
    else if (field === 3) value = reader.int64();
    else if (field === 4) value = reader.double();
    else if (field === 5) value = readArray(reader.message());
    else if (field === 6) value = readKeyValues(reader.message());
    else if (field === 7) value = reader.bytes();
    else reader.skip();
  }
  return value;
}

function readArray(reader: WireReader): AnyValue[] {
  const values: AnyValue[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) values.push(readAnyValue(reader.message()));
    else reader.skip();
  }
  return values;
}

function readKeyValues(reader: WireReader): Map<string, AnyValue> {
  const map = new Map<string, AnyValue>();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      const [key, value] = readKeyValue(reader.message());
      map.set(key, value);
    } else reader.skip();
  }
  return map;
}

/** One KeyValue message. */
export function readKeyValue(reader: WireReader): [string, AnyValue] {
  let key = '';
  let value: AnyValue = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = readAnyValue(reader.message());
    else reader.skip();
  }
  return [key, value];
}

/** Text of a value as the OTel Collector writes it (pdata `AsString`): JSON for lists and maps. */
export function anyValueText(value: AnyValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && !(value instanceof Uint8Array)) return jsonText(value);
  if (value instanceof Uint8Array) return base64(value);
  return String(value);
}

function jsonText(value: AnyValue): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  // JSON has no NaN and no infinities; as text they survive.
  if (typeof value === 'number') {
    return Number.isFinite(value) ? String(value) : JSON.stringify(String(value));
  }
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return JSON.stringify(base64(value));
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, AnyValue>)];
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${jsonText(v)}`).join(',')}}`;
  }
  return `[${(value as readonly AnyValue[]).map(jsonText).join(',')}]`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
