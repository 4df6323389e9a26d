import type { DiskQueue, OtlpPath, QueueMark, QueueRequest } from '@flotilla/otlp-queue';
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
 * Puts telemetry into the disk queue as OTLP requests. `write…` throws TelemetryWriteError when the
 * disk does not take it; the loss is then logged and counted already.
 */
export class QueueWriter {
  readonly #queue: DiskQueue;
  readonly #logger: Logger;

  constructor(queue: DiskQueue, logger: Logger) {
    this.#queue = queue;
    this.#logger = logger;
  }

  writeMetrics(metrics: ResourceMetrics): void {
    const entries = metrics.scopeMetrics
      .flatMap((scope) => scope.metrics)
      .reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
    const path = '/v1/metrics';
    const body = this.#encode(path, entries, () =>
      ProtobufMetricsSerializer.serializeRequest(metrics),
    );
    this.#write([{ path, entries, body }]);
  }

  /** The mark is written with the records or not at all. */
  writeLogs(records: readonly ReadableLogRecord[], mark?: QueueMark): void {
    if (records.length > 0) this.#write(this.#logRequests(records), mark);
  }

  /**
   * As writeLogs, for records that their source still has: when the disk does not take them, what
   * SQLite throws is thrown and nothing counts as lost. Without records the mark alone is written.
   */
  moveLogs(records: readonly ReadableLogRecord[], mark: QueueMark): void {
    this.#queue.enqueueAll(records.length > 0 ? this.#logRequests(records) : [], mark);
  }

  #logRequests(records: readonly ReadableLogRecord[]): QueueRequest[] {
    const path = '/v1/logs';
    const body = this.#encode(path, records.length, () =>
      ProtobufLogsSerializer.serializeRequest([...records]),
    );
    if (body.length <= MAX_REQUEST_BYTES || records.length === 1) {
      return [{ path, entries: records.length, body }];
    }
    const middle = Math.ceil(records.length / 2);
    return [
      ...this.#logRequests(records.slice(0, middle)),
      ...this.#logRequests(records.slice(middle)),
    ];
  }

  #write(requests: readonly QueueRequest[], mark?: QueueMark): void {
    let kept: number;
    try {
      kept = this.#queue.enqueueAll(requests, mark);
    } catch (cause) {
      for (const { path, entries } of requests) this.#queue.countUnwritable(path, entries);
      throw this.#lost('the disk did not take it', cause);
    }
    // Counted by the queue, as `bytes`.
    if (kept < requests.length) throw this.#lost('it does not fit into the telemetry queue', null);
  }

  #encode(path: OtlpPath, entries: number, encode: () => Uint8Array | undefined): Uint8Array {
    try {
      const body = encode();
      if (body !== undefined) return body;
    } catch (cause) {
      this.#queue.countUnwritable(path, entries);
      throw this.#lost('it could not be encoded', cause);
    }
    this.#queue.countUnwritable(path, entries);
    throw this.#lost('it could not be encoded', null);
  }

  #lost(why: string, cause: unknown): TelemetryWriteError {
    this.#logger.error({ err: cause }, `telemetry was lost: ${why}`);
    return new TelemetryWriteError(`telemetry was lost: ${why}`, { cause });
  }
}
