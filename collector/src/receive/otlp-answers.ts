import type { ProblemError } from '@flotilla/service';
import { WireWriter } from '@flotilla/otlp';
import type { ExportResult, Signal } from './export-request.ts';

const NOTHING = Buffer.alloc(0);

/** google.rpc.Status: code = 1, message = 2, details = 3. */
const STATUS_CODE = 1;
const STATUS_MESSAGE = 2;
const STATUS_DETAILS = 3;

/**
 * Export…ServiceResponse. All three signals number alike: partial_success = 1, in it the count of
 * rejected items = 1 and error_message = 2. When all was taken there are no bytes.
 */
export function encodeResult({ rejectedItems, message }: ExportResult): Buffer {
  if (message === '') return NOTHING;
  const writer = new WireWriter(64 + message.length);
  const mark = writer.begin(1);
  writer.uint64(1, rejectedItems);
  writer.string(2, message);
  writer.end(mark);
  return writer.finish();
}

/** The same in OTLP's JSON: 64-bit integers are strings. */
export function resultToJson({ rejectedItems, message }: ExportResult, signal: Signal): string {
  if (message === '') return '{}';
  return JSON.stringify({
    partialSuccess: { [signal.rejectedField]: String(rejectedItems), errorMessage: message },
  });
}

/** The body of an OTLP/HTTP refusal; the OTLP specification ("Failures") leaves `code` unused. */
export function encodeStatus(message: string): Buffer {
  const writer = new WireWriter(16 + message.length);
  writer.string(STATUS_MESSAGE, message);
  return writer.finish();
}

/**
 * `grpc-status-details-bin` of a refusal that may be retried: a Status with a google.rpc.RetryInfo,
 * which tells an exporter the pause (OTLP specification, "OTLP/gRPC Throttling").
 */
export function encodeRetryStatus(code: number, problem: ProblemError, seconds: number): Buffer {
  const writer = new WireWriter(128 + problem.message.length);
  writer.uint64(STATUS_CODE, code);
  writer.string(STATUS_MESSAGE, problem.message);
  const details = writer.begin(STATUS_DETAILS);
  writer.string(1, 'type.googleapis.com/google.rpc.RetryInfo');
  const retryInfo = writer.begin(2);
  const duration = writer.begin(1);
  writer.uint64(1, seconds);
  writer.end(duration);
  writer.end(retryInfo);
  writer.end(details);
  return writer.finish();
}
