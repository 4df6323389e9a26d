/** Wire types of protobuf (protobuf.dev/programming-guides/encoding, "Message Structure"). */
export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

const MAX_VARINT_BYTES = 10;
const MAX_TAG_BYTES = 5;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

export class WireError extends Error {
  override readonly name = 'WireError';
}

export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Content of a length-delimited field, without a copy; empty for other wire types. */
  readonly bytes: Uint8Array;
}

/** How many more fields may be read, shared by all messages of one request. */
export interface FieldBudget {
  left: number;
}

const NO_BYTES = new Uint8Array(0);

/**
 * The fields of one protobuf message in wire order, each checked to lie within it. Throws WireError;
 * never reads outside the message, and spends one of `budget` per field: millions of fields of two
 * bytes each would otherwise hold up every other request.
 */
export function* readFields(message: Uint8Array, budget: FieldBudget): Generator<WireField> {
  let at = 0;
  while (at < message.length) {
    budget.left -= 1;
    if (budget.left < 0) throw new WireError('more fields than any request needs');
    const tag = readVarint(message, at, MAX_TAG_BYTES);
    at = tag.next;
    const number = Math.floor(tag.value / 8);
    const wireType = tag.value % 8;
    if (number < 1 || number > MAX_FIELD_NUMBER) {
      throw new WireError(`field number ${number} at byte ${at}`);
    }
    const span = contentSpan(message, at, wireType);
    if (span.end > message.length) {
      throw new WireError(
        `field ${number} ends ${span.end - message.length} bytes past its message`,
      );
    }
    const bytes = wireType === WIRE_BYTES ? message.subarray(span.start, span.end) : NO_BYTES;
    yield { number, wireType, bytes };
    at = span.end;
  }
}

function contentSpan(
  message: Uint8Array,
  at: number,
  wireType: number,
): { start: number; end: number } {
  switch (wireType) {
    case WIRE_VARINT:
      return { start: at, end: readVarint(message, at, MAX_VARINT_BYTES).next };
    case WIRE_FIXED64:
      return { start: at, end: at + 8 };
    case WIRE_FIXED32:
      return { start: at, end: at + 4 };
    case WIRE_BYTES: {
      const length = readVarint(message, at, MAX_VARINT_BYTES);
      return { start: length.next, end: length.next + length.value };
    }
    default:
      // Groups (3 and 4) are deprecated and OTLP has none.
      throw new WireError(`wire type ${wireType} at byte ${at}`);
  }
}

/** Above 2^53 the value is rounded, which no length within memory and no tag can reach. */
function readVarint(
  message: Uint8Array,
  start: number,
  maxBytes: number,
): { value: number; next: number } {
  let value = 0;
  let factor = 1;
  for (let at = start; at < start + maxBytes; at += 1) {
    const byte = message[at];
    if (byte === undefined) throw new WireError('the message ends within a number');
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: at + 1 };
    factor *= 128;
  }
  throw new WireError(`a number at byte ${start} has more than ${maxBytes} bytes`);
}
