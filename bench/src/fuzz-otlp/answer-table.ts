import { status } from '@grpc/grpc-js';
import type { Answer } from '@flotilla/collector/test/fuzz/fuzz-input.ts';
import { NOBODY_LEFT } from '@flotilla/collector/test/fuzz/grpc-client.ts';

/**
 * The HTTP statuses and gRPC codes that may answer an input of the fuzzer, whatever it is. After the
 * OTLP specification ("OTLP/HTTP Response", "OTLP/gRPC Response") 429, 502, 503, 504 and the codes
 * CANCELLED, ABORTED, OUT_OF_RANGE, UNAVAILABLE and DATA_LOSS make the sender repeat: none of these
 * inputs is worth it. DEADLINE_EXCEEDED answers those whose deadline has passed; RESOURCE_EXHAUSTED
 * comes without RetryInfo. UNKNOWN and the 5xx are a fault of the collector's; INTERNAL is the gRPC
 * library's word for a message that it cannot unpack.
 */
const IN_TABLE: ReadonlySet<Answer> = new Set<Answer>([
  200,
  400,
  401,
  403,
  404,
  405,
  413,
  415,
  status.OK,
  status.INVALID_ARGUMENT,
  status.DEADLINE_EXCEEDED,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAUTHENTICATED,
  // A request that is not gRPC's gets an HTTP status ("gRPC over HTTP2", Responses).
  'HTTP 415',
  NOBODY_LEFT,
]);

export function isInTable(answer: Answer): boolean {
  return IN_TABLE.has(answer);
}
