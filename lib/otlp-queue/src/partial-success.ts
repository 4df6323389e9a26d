import { readProtobufFields } from './protobuf-fields.ts';

/**
 * Field numbers of opentelemetry-proto 1.x, the same for every signal: Export…ServiceResponse.partial_success,
 * then Export…PartialSuccess.rejected_… and .error_message.
 */
const RESPONSE_PARTIAL_SUCCESS = 1;
const PARTIAL_REJECTED = 1;
const PARTIAL_ERROR_MESSAGE = 2;

/**
 * What a 2xx says it did not take (OTLP 1.x, "Partial Success"); null when it took all. Such data
 * must not be sent again. An answer that cannot be decoded counts as taken: its status said so.
 */
export function partialSuccess(
  answer: Uint8Array,
): { readonly rejected: number; readonly reason: string } | null {
  let rejected = 0;
  let reason = '';
  try {
    for (const field of readProtobufFields(answer)) {
      if (field.number !== RESPONSE_PARTIAL_SUCCESS) continue;
      if (!(field.value instanceof Uint8Array)) continue;
      for (const { number, value } of readProtobufFields(field.value)) {
        if (number === PARTIAL_REJECTED && typeof value === 'bigint') rejected = Number(value);
        if (number === PARTIAL_ERROR_MESSAGE && value instanceof Uint8Array) {
          reason = new TextDecoder().decode(value);
        }
      }
    }
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { rejected: 0, reason: `the answer could not be decoded: ${cause}` };
  }
  return rejected === 0 && reason === '' ? null : { rejected, reason };
}
