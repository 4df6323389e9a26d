export const DECODE_ERROR_CODES = [
  'truncated',
  'varint_too_long',
  'wire_type_invalid',
  'wire_type_unexpected',
  'field_number_invalid',
  'utf8_invalid',
  'nesting_too_deep',
  'time_out_of_range',
  'packed_length_invalid',
  'expands_too_far',
  'topic_unknown',
  'batch_unreadable',
] as const;
export type DecodeErrorCode = (typeof DECODE_ERROR_CODES)[number];

/** Bytes that are no OTLP request; the record goes to the dead letters under this code. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code: DecodeErrorCode;
  constructor(code: DecodeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
