import type { Logger } from '@flotilla/service';
import type { LogRecord, Meter } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchingLogProcessor } from './batching-log-processor.ts';
import type { LocalMetrics } from './local-metrics.ts';
import { PacedMetricReader } from './paced-metric-reader.ts';
import { QueueLogExporter } from './queue-log-exporter.ts';
import type { QueueWriter } from './queue-writer.ts';

const SCOPE = 'flotilla.device-agent';

export interface VersionSignalsOptions {
  readonly resource: Resource;
  readonly writer: QueueWriter;
  readonly metricsIntervalMs: number;
  /** Multiplies the interval; 1 or more. */
  readonly intervalFactor: () => number;
  readonly logger: Logger;
  readonly localMetrics?: LocalMetrics;
  /** Creates the instruments; returns what counts a restart. */
  readonly register: (meter: Meter) => () => void;
}

/** The SDK's providers for one resource, that is for one firmware version. */
export class VersionSignals {
  readonly resource: Resource;
  readonly countRestart: () => void;
  readonly #meterProvider: MeterProvider;
  readonly #loggerProvider: LoggerProvider;

  constructor(options: VersionSignalsOptions) {
    const { resource, writer, metricsIntervalMs, intervalFactor, logger, localMetrics } = options;
    this.resource = resource;
    const reader = new PacedMetricReader({
      intervalMs: metricsIntervalMs,
      factor: intervalFactor,
      write: (metrics) => writer.writeMetrics(metrics),
      logger,
    });
    this.#meterProvider = new MeterProvider({
      resource,
      readers: localMetrics === undefined ? [reader] : [reader, localMetrics.newReader()],
    });
    this.countRestart = options.register(this.#meterProvider.getMeter(SCOPE));
    const processor = new BatchingLogProcessor(new QueueLogExporter(writer), (err) =>
      logger.error({ err }, 'log records were lost'),
    );
    this.#loggerProvider = new LoggerProvider({ resource, processors: [processor] });
  }

  log(record: LogRecord): void {
    this.#loggerProvider.getLogger(SCOPE).emit(record);
  }

  /** Everything recorded so far, and the metrics as of now, are in the disk queue when it resolves. */
  async flush(): Promise<void> {
    await this.#loggerProvider.forceFlush();
    await this.#meterProvider.forceFlush();
  }

  /** As flush, for the last time. */
  async shutdown(): Promise<void> {
    await this.#loggerProvider.shutdown();
    await this.#meterProvider.shutdown();
  }
}

/** The records as the SDK would export them, for a caller that waits for the disk and not for a batch. */
export function readableRecords(
  resource: Resource,
  records: readonly LogRecord[],
): ReadableLogRecord[] {
  const captured: ReadableLogRecord[] = [];
  const provider = new LoggerProvider({
    resource,
    processors: [
      {
        onEmit: (emitted) => void captured.push(emitted),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  });
  const logger = provider.getLogger(SCOPE);
  for (const record of records) logger.emit(record);
  return captured;
}
