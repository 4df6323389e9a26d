import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { OtlpPath } from './disk-queue.ts';

/**
 * What a 2xx says it did not take (OTLP 1.x, "Partial Success"); null when it took all. Such data
 * must not be sent again. An answer that cannot be decoded counts as taken: its status said so.
 */
export function partialSuccess(
  path: OtlpPath,
  answer: Uint8Array,
): { readonly rejected: number; readonly reason: string } | null {
  const { rejected, reason } = decode(path, answer);
  return rejected === 0 && reason === '' ? null : { rejected, reason };
}

function decode(path: OtlpPath, answer: Uint8Array): { rejected: number; reason: string } {
  try {
    if (path === '/v1/logs') {
      const partial = ProtobufLogsSerializer.deserializeResponse(answer).partialSuccess;
      return {
        rejected: partial?.rejectedLogRecords ?? 0,
        reason: partial?.errorMessage ?? '',
      };
    }
    const partial = ProtobufMetricsSerializer.deserializeResponse(answer).partialSuccess;
    return {
      rejected: partial?.rejectedDataPoints ?? 0,
      reason: partial?.errorMessage ?? '',
    };
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { rejected: 0, reason: `the answer could not be decoded: ${cause}` };
  }
}
