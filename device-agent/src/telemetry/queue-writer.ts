import type { DiskQueue, OtlpPath } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';

/** Well under the body limit of collectors, so that a burst of long lines is not refused whole. */
const MAX_REQUEST_BYTES = 1024 * 1024;

/** Telemetry did not reach the disk; it has been counted and logged. */
export class TelemetryWriteError extends Error {
  override readonly name = 'TelemetryWriteError';
}

/**
 * Puts telemetry into the disk queue as OTLP requests. Throws TelemetryWriteError when the disk does
 * not take it; the loss is then logged and counted already.
 */
export class QueueWriter {
  readonly #queue: DiskQueue;
  readonly #logger: Logger;

  constructor(queue: DiskQueue, logger: Logger) {
    this.#queue = queue;
    this.#logger = logger;
  }

  writeMetrics(metrics: ResourceMetrics): void {
    const points = metrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
    this.#write('/v1/metrics', points, () => ProtobufMetricsSerializer.serializeRequest(metrics));
  }

  writeLogs(records: readonly ReadableLogRecord[]): void {
    if (records.length === 0) return;
    const body = this.#encode('/v1/logs', records.length, () =>
      ProtobufLogsSerializer.serializeRequest([...records]),
    );
    if (body.length > MAX_REQUEST_BYTES && records.length > 1) {
      const middle = Math.ceil(records.length / 2);
      this.writeLogs(records.slice(0, middle));
      this.writeLogs(records.slice(middle));
      return;
    }
    this.#write('/v1/logs', records.length, () => body);
  }

  #write(path: OtlpPath, entries: number, encode: () => Uint8Array | undefined): void {
    const body = this.#encode(path, entries, encode);
    let queued: boolean;
    try {
      ({ queued } = this.#queue.enqueue(path, body, entries));
    } catch (cause) {
      throw this.#lost(path, entries, 'the disk did not take it', cause);
    }
    if (!queued) {
      // Counted by the queue, as `bytes`.
      const message = `${body.length} bytes do not fit into the telemetry queue`;
      this.#logger.error({ path, sizeBytes: body.length }, message);
      throw new TelemetryWriteError(message);
    }
  }

  #encode(path: OtlpPath, entries: number, encode: () => Uint8Array | undefined): Uint8Array {
    let body: Uint8Array | undefined;
    try {
      body = encode();
    } catch (cause) {
      throw this.#lost(path, entries, 'it could not be encoded', cause);
    }
    if (body === undefined) throw this.#lost(path, entries, 'it could not be encoded', undefined);
    return body;
  }

  #lost(path: OtlpPath, entries: number, why: string, cause: unknown): TelemetryWriteError {
    this.#queue.countUnwritable(path, entries);
    this.#logger.error({ err: cause }, `telemetry was lost: ${why}`);
    return new TelemetryWriteError(`telemetry was lost: ${why}`, { cause });
  }
}
