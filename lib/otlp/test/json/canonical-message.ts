import type { FieldShape, MessageShape } from '../../src/json/otlp-messages.ts';

/** A message without what encoders may choose: order of fields, packing, proto3's left-out zeros. */
export type Canonical = { [field: string]: (string | Canonical)[] };

const EIGHT_BYTES = new Set(['double', 'fixed64', 'sfixed64']);
const LENGTH_DELIMITED = new Set(['string', 'bytes', 'hex']);

export function canonicalMessage(bytes: Buffer, shape: MessageShape): Canonical {
  const known = new Map([...shape].map(([name, field]) => [field.number, { name, ...field }]));
  const found: Canonical = {};
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at);
    const number = Math.floor(tag.value / 8);
    const content = contentOf(bytes, tag.end, tag.value % 8);
    at = content.end;
    const field = known.get(number);
    const values = valuesOf(content.bytes, tag.value % 8, field);
    const isOneOf = shape.has('kvlistValue') || field?.name.startsWith('as') === true;
    const isLeftOut = field?.repeated === false && !isOneOf && values.every(isZero);
    // Unknown fields keep their number, and so differ from the name a peer's bytes give them.
    if (!isLeftOut) (found[field?.name ?? String(number)] ??= []).push(...values);
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function valuesOf(
  content: Buffer,
  wireType: number,
  field: FieldShape | undefined,
): (string | Canonical)[] {
  if (field === undefined) return [content.toString('hex')];
  if (typeof field.kind === 'function') return [canonicalMessage(content, field.kind())];
  const isPacked = wireType === 2 && !LENGTH_DELIMITED.has(field.kind);
  if (!isPacked) return [content.toString('hex')];
  const values: string[] = [];
  for (let at = 0; at < content.length;) {
    const end = EIGHT_BYTES.has(field.kind) ? at + 8 : varint(content, at).end;
    values.push(content.subarray(at, end).toString('hex'));
    at = end;
  }
  return values;
}

function isZero(value: string | Canonical): boolean {
  return typeof value === 'string' && /^0*$/.test(value);
}

function contentOf(bytes: Buffer, at: number, wireType: number): { bytes: Buffer; end: number } {
  if (wireType !== 2) {
    const end = wireType === 0 ? varint(bytes, at).end : at + (wireType === 1 ? 8 : 4);
    return { bytes: bytes.subarray(at, end), end };
  }
  const length = varint(bytes, at);
  const end = length.end + length.value;
  return { bytes: bytes.subarray(length.end, end), end };
}

function varint(bytes: Buffer, from: number): { value: number; end: number } {
  let value = 0;
  for (let at = from, factor = 1; ; at += 1, factor *= 128) {
    const byte = bytes.readUInt8(at);
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, end: at + 1 };
  }
}
