import { ATTR_DEVICE_ID, ATTR_SERVICE_NAME, SERVICE_NAME_OTA } from '@flotilla/contracts';
import { speaksFor, type Caller } from './caller.ts';
import { fieldBudget, WireCursor, WireError } from './wire-cursor.ts';

/**
 * Field numbers of opentelemetry-proto 1.x. The signals agree down to the resource:
 * Export…ServiceRequest.resource_… = 1, Resource….resource = 1, Resource.attributes = 1.
 */
const REQUEST_RESOURCES = 1;
const ENTRY_RESOURCE = 1;
const RESOURCE_ATTRIBUTES = 1;
const KEY_VALUE_KEY = 1;
const KEY_VALUE_VALUE = 2;
const ANY_VALUE_STRING = 1;
const ANY_VALUE_LAST = 8;

const DEVICE_ID_KEY = Buffer.from(ATTR_DEVICE_ID);
const SERVICE_NAME_KEY = Buffer.from(ATTR_SERVICE_NAME);

/** Longer text is no device id. */
const MAX_SHOWN_CHARACTERS = 64;

/** One Resource… entry of a request: where it lies, tag included, and whose it is. */
export interface ResourceEntry {
  readonly start: number;
  readonly end: number;
  /** The device it names, if the caller may speak for it; otherwise null and the reason. */
  readonly deviceId: string | null;
  readonly refusal: string | null;
}

export type RequestReading =
  | { readonly wellFormed: true; readonly entries: readonly ResourceEntry[] }
  | { readonly wellFormed: false; readonly reason: string };

/**
 * Whose is each resource of an OTLP export request, and may this caller send it? None may pass for
 * ota-service, whose word on updates is believed. Reads the path to the resource attributes only. A
 * field that may stand once but stands twice is malformed: decoders disagree on which one counts, so
 * it could show us one device and the pipeline another.
 */
export function readResources(request: Uint8Array, caller: Caller): RequestReading {
  const entries: ResourceEntry[] = [];
  try {
    const cursor = new WireCursor(request, 0, request.length, fieldBudget(request.length));
    while (cursor.next()) {
      if (cursor.number !== REQUEST_RESOURCES) continue;
      const { tagStart: start, end } = cursor;
      entries.push({ start, end, ...readIdentity(cursor.message(), caller) });
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { wellFormed: false, reason: `resource ${entries.length}: ${error.message}` };
  }
  return { wellFormed: true, entries };
}

type Identity = Pick<ResourceEntry, 'deviceId' | 'refusal'>;

function readIdentity(entry: WireCursor, caller: Caller): Identity {
  let deviceId: string | null = null;
  let refusal: string | null = null;
  const resource = single(entry, ENTRY_RESOURCE);
  while (resource?.next() === true) {
    if (resource.number !== RESOURCE_ATTRIBUTES) continue;
    const key = keyOf(resource.message());
    if (key === null) continue;
    const value = stringValue(resource.message());
    if (key === ATTR_SERVICE_NAME) refusal ??= serviceNameProblem(value);
    else {
      refusal ??= deviceIdProblem(value, caller, deviceId);
      deviceId ??= value;
    }
  }
  refusal ??= deviceId === null ? `${ATTR_DEVICE_ID} is missing` : null;
  return refusal === null ? { deviceId, refusal } : { deviceId: null, refusal };
}

function deviceIdProblem(
  value: string | null,
  caller: Caller,
  earlier: string | null,
): string | null {
  if (value === null) return `${ATTR_DEVICE_ID} is not a string`;
  if (earlier !== null && earlier !== value) {
    return `${ATTR_DEVICE_ID} is both ${shown(earlier)} and ${shown(value)}`;
  }
  if (speaksFor(caller, value)) return null;
  const who = caller.gatewayFor === null ? '' : ', a gateway that does not speak for it';
  return `${ATTR_DEVICE_ID} is ${shown(value)}, but the token belongs to ${caller.deviceId}${who}`;
}

function serviceNameProblem(value: string | null): string | null {
  if (value !== SERVICE_NAME_OTA) return null;
  return `${ATTR_SERVICE_NAME} is ${shown(value)}, which no device may use`;
}

/** Key of a KeyValue if it is one of the two that matter, else null. */
function keyOf(keyValue: WireCursor): string | null {
  const key = single(keyValue, KEY_VALUE_KEY);
  if (key === null) return null;
  if (hasText(key, DEVICE_ID_KEY)) return ATTR_DEVICE_ID;
  return hasText(key, SERVICE_NAME_KEY) ? ATTR_SERVICE_NAME : null;
}

function hasText({ bytes, from, to }: WireCursor, text: Buffer): boolean {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i += 1) if (bytes[from + i] !== text[i]) return false;
  return true;
}

/** The only occurrence of a message or string field, or null. */
function single(message: WireCursor, number: number): WireCursor | null {
  let found: WireCursor | null = null;
  while (message.next()) {
    if (message.number !== number) continue;
    if (found !== null) throw new WireError(`field ${number} stands twice`);
    found = message.message();
  }
  return found;
}

/**
 * The text in a KeyValue's AnyValue, a oneof whose fields 1 to 8 exclude each other; null when it is
 * no text. Read byte by byte: ids and names that matter are ASCII, and no other text may equal one.
 */
function stringValue(keyValue: WireCursor): string | null {
  const anyValue = single(keyValue, KEY_VALUE_VALUE);
  let values = 0;
  let text: string | null = null;
  while (anyValue?.next() === true) {
    if (anyValue.number > ANY_VALUE_LAST) continue;
    values += 1;
    if (values > 1) throw new WireError('an attribute has two values');
    if (anyValue.number !== ANY_VALUE_STRING) continue;
    anyValue.expectBytes();
    const { bytes, start, end } = anyValue;
    text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
  }
  return text;
}

/** The other id comes from outside: shortened and quoted before it goes into a message. */
function shown(value: string): string {
  return JSON.stringify(
    Buffer.from(value.slice(0, MAX_SHOWN_CHARACTERS), 'latin1').toString('utf8'),
  );
}
