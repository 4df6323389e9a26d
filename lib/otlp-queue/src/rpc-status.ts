import { readProtobufFields } from './protobuf-fields.ts';

/** `google.rpc.Status`: field 2 is the message for a developer. */
const FIELD_MESSAGE = 2;
const MAX_REASON_CHARS = 500;

/**
 * The reason in the body of a refused OTLP/HTTP request, for a log line: the message of the
 * `google.rpc.Status` the protocol asks for (OTLP 1.x, "Failures"), or the `message` or `detail` of a
 * JSON body from something in between. Null when the body says nothing readable.
 */
export function refusalReason(body: Uint8Array, contentType: string | null): string | null {
  const reason = contentType?.includes('json') === true ? fromJson(body) : fromProtobuf(body);
  return reason === null || reason === '' ? null : reason.slice(0, MAX_REASON_CHARS);
}

function fromProtobuf(body: Uint8Array): string | null {
  try {
    const field = readProtobufFields(body).find(({ number }) => number === FIELD_MESSAGE);
    return field?.value instanceof Uint8Array ? decodeText(field.value) : null;
  } catch {
    // A proxy's HTML page is no Status; the HTTP status alone has to do.
    return null;
  }
}

function fromJson(body: Uint8Array): string | null {
  try {
    const value: unknown = JSON.parse(decodeText(body));
    if (typeof value !== 'object' || value === null) return null;
    if ('message' in value && typeof value.message === 'string') return value.message;
    if ('detail' in value && typeof value.detail === 'string') return value.detail;
    return null;
  } catch {
    // As above: what cannot be read is not a reason.
    return null;
  }
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}
