import { MAX_DEPTH } from '../wire/wire-reader.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import { writeScalar } from './json-scalars.ts';
import { EXPORT_REQUESTS, type FieldShape, type MessageShape } from './otlp-messages.ts';

/** A JSON body that is no OTLP request; the message starts with the place as a JSON pointer (RFC 6901). */
export class OtlpJsonError extends Error {
  override readonly name = 'OtlpJsonError';
  readonly pointer: string;
  constructor(pointer: string, problem: string, options?: ErrorOptions) {
    super(`${pointer === '' ? 'the body' : pointer}: ${problem}`, options);
    this.pointer = pointer;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * An Export…ServiceRequest in OTLP's JSON ("JSON Protobuf Encoding") as protobuf bytes: lowerCamelCase
 * names, ids in hex, 64-bit integers as text or numbers, enums as integers. Unknown fields are ignored,
 * null is a field left out. Throws OtlpJsonError.
 */
export function otlpJsonToProtobuf(signal: keyof typeof EXPORT_REQUESTS, json: Uint8Array): Buffer {
  let request: unknown;
  try {
    request = parse(utf8.decode(json));
  } catch (cause) {
    // The engine's message quotes the body, which belongs to nobody's answer or log.
    throw new OtlpJsonError('', 'is not JSON', { cause });
  }
  const writer = new WireWriter(json.length);
  writeFields(writer, EXPORT_REQUESTS[signal], request, { parent: null, token: '', depth: 0 });
  return writer.finish();
}

/** A number that a double may not hold exactly, outside of text; text that looks like one does no harm. */
const LONG_NUMBER = /[:[,]\s*-?\d{16}/;

type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context?: { source?: string },
) => unknown;

/**
 * Long integers stay text: 64-bit ones may be sent as numbers, and nanoseconds since the epoch as a
 * double are off by up to 128.
 */
const keepLongIntegers: Reviver = (_key, value, context) =>
  typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER
    ? (integerSource(context?.source) ?? value)
    : value;

function integerSource(source = ''): string | null {
  return /^-?\d+$/.test(source) ? source : null;
}

function parse(text: string): unknown {
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepLongIntegers) : JSON.parse(text);
}

/** Where a value stands; turned into text only when something is wrong there. */
interface Place {
  readonly parent: Place | null;
  readonly token: string | number;
  readonly depth: number;
}

function writeFields(writer: WireWriter, shape: MessageShape, value: unknown, at: Place): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(at, 'must be an object');
  }
  if (at.depth > MAX_DEPTH * 2) throw refuse(at, `nests deeper than ${MAX_DEPTH} messages`);
  for (const [name, member] of Object.entries(value as Record<string, unknown>)) {
    const field = shape.get(name);
    if (field === undefined || member === null) continue;
    const place = below(at, name);
    if (!field.repeated) {
      writeField(writer, field, member, place);
      continue;
    }
    if (!Array.isArray(member)) throw refuse(place, 'must be an array');
    member.forEach((element, index) => writeField(writer, field, element, below(place, index)));
  }
}

function writeField(writer: WireWriter, { number, kind }: FieldShape, value: unknown, at: Place) {
  if (typeof kind === 'function') {
    const mark = writer.begin(number);
    writeFields(writer, kind(), value, at);
    writer.end(mark);
    return;
  }
  const problem = writeScalar(writer, number, kind, value);
  if (problem !== null) throw refuse(at, problem);
}

function below(parent: Place, token: string | number): Place {
  return { parent, token, depth: parent.depth + 1 };
}

function refuse(at: Place, problem: string): OtlpJsonError {
  const tokens: string[] = [];
  for (let place = at; place.parent !== null; place = place.parent) {
    tokens.unshift(String(place.token).replaceAll('~', '~0').replaceAll('/', '~1'));
  }
  return new OtlpJsonError(tokens.map((token) => `/${token}`).join(''), problem);
}
