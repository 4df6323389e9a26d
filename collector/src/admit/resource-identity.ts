import { ATTR_DEVICE_ID, ATTR_SERVICE_NAME, SERVICE_NAME_OTA } from '@flotilla/contracts';
import {
  readFields,
  WIRE_BYTES,
  WireError,
  type FieldBudget,
  type WireField,
} from './wire-reader.ts';

/**
 * Field numbers of opentelemetry-proto 1.x. Metrics and logs agree down to the resource:
 * Export…ServiceRequest.resource_… = 1, Resource….resource = 1, Resource.attributes = 1.
 */
const REQUEST_RESOURCES = 1;
const ENTRY_RESOURCE = 1;
const RESOURCE_ATTRIBUTES = 1;
const KEY_VALUE_KEY = 1;
const KEY_VALUE_VALUE = 2;
const ANY_VALUE_STRING = 1;
const ANY_VALUE_LAST = 8;

/** An agent's request has some hundred on the path to its resource attributes. */
const MAX_FIELDS = 50_000;

const DEVICE_ID_KEY = Buffer.from(ATTR_DEVICE_ID);
const SERVICE_NAME_KEY = Buffer.from(ATTR_SERVICE_NAME);
const OTA_SERVICE = Buffer.from(SERVICE_NAME_OTA);

export type IdentityVerdict =
  /** No resources at all, so nothing to keep. */
  | { readonly verdict: 'empty' }
  | { readonly verdict: 'match'; readonly resources: number }
  | { readonly verdict: 'mismatch'; readonly reason: string }
  | { readonly verdict: 'malformed'; readonly reason: string };

/**
 * Does every resource of an OTLP export request name this device, and none pass for ota-service,
 * whose word on updates is believed? Reads the path to the resource attributes only. A field that may stand once but stands twice is malformed: decoders disagree on
 * which one counts, so it could show us one device and the pipeline another.
 */
export function checkResourceIdentity(request: Uint8Array, deviceId: string): IdentityVerdict {
  let resources = 0;
  const budget = { left: MAX_FIELDS };
  try {
    for (const field of readFields(request, budget)) {
      if (field.number !== REQUEST_RESOURCES) continue;
      const problem = resourceProblem(expectBytes(field), Buffer.from(deviceId), budget);
      if (problem !== null) {
        return { verdict: 'mismatch', reason: `resource ${resources}: ${problem}` };
      }
      resources += 1;
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { verdict: 'malformed', reason: `resource ${resources}: ${error.message}` };
  }
  return resources === 0 ? { verdict: 'empty' } : { verdict: 'match', resources };
}

function resourceProblem(entry: Uint8Array, deviceId: Buffer, budget: FieldBudget): string | null {
  const resource = single(entry, ENTRY_RESOURCE, budget);
  let named = false;
  for (const field of readFields(resource ?? new Uint8Array(0), budget)) {
    if (field.number !== RESOURCE_ATTRIBUTES) continue;
    const attribute = expectBytes(field);
    const key = single(attribute, KEY_VALUE_KEY, budget);
    if (key === null) continue;
    const isDeviceId = DEVICE_ID_KEY.equals(key);
    if (!isDeviceId && !SERVICE_NAME_KEY.equals(key)) continue;
    const anyValue = single(attribute, KEY_VALUE_VALUE, budget) ?? new Uint8Array(0);
    const value = stringValue(anyValue, budget);
    const problem = isDeviceId ? deviceIdProblem(value, deviceId) : serviceNameProblem(value);
    if (problem !== null) return problem;
    if (isDeviceId) named = true;
  }
  return named ? null : `${ATTR_DEVICE_ID} is missing`;
}

function deviceIdProblem(value: Uint8Array | null, deviceId: Buffer): string | null {
  if (value === null) return `${ATTR_DEVICE_ID} is not a string`;
  if (deviceId.equals(value)) return null;
  return `${ATTR_DEVICE_ID} is ${shown(value)}, but the token belongs to ${deviceId.toString()}`;
}

function serviceNameProblem(value: Uint8Array | null): string | null {
  if (value === null || !OTA_SERVICE.equals(value)) return null;
  return `${ATTR_SERVICE_NAME} is ${shown(value)}, which no device may use`;
}

/** The only occurrence of a message or string field, or null. */
function single(message: Uint8Array, number: number, budget: FieldBudget): Uint8Array | null {
  let found: Uint8Array | null = null;
  for (const field of readFields(message, budget)) {
    if (field.number !== number) continue;
    if (found !== null) throw new WireError(`field ${number} stands twice`);
    found = expectBytes(field);
  }
  return found;
}

/** AnyValue is a oneof: fields 1 to 8 exclude each other. */
function stringValue(anyValue: Uint8Array, budget: FieldBudget): Uint8Array | null {
  const values = [...readFields(anyValue, budget)].filter(({ number }) => number <= ANY_VALUE_LAST);
  const [first] = values;
  if (values.length > 1) throw new WireError('an attribute has two values');
  if (first?.number !== ANY_VALUE_STRING) return null;
  return expectBytes(first);
}

function expectBytes(field: WireField): Uint8Array {
  if (field.wireType !== WIRE_BYTES) {
    throw new WireError(`field ${field.number} has wire type ${field.wireType}`);
  }
  return field.bytes;
}

/** The other id comes from outside: shortened and quoted before it goes into a message. */
function shown(value: Uint8Array): string {
  return JSON.stringify(Buffer.from(value.subarray(0, 64)).toString('utf8'));
}
