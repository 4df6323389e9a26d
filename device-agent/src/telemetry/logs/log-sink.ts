import type { QueueMark } from '@flotilla/otlp-queue';
import type { LogRecord } from '@opentelemetry/api';

/** A record that a source has read, before sampling. */
export interface SourceRecord {
  readonly record: LogRecord;
  /** See `SampledRecord`. */
  readonly rateKey: string;
  readonly sampleKey: string | null;
}

/** Where sources put what they read. */
export interface LogSink {
  /** False: read no further, the source keeps its records better than a queue that drops its oldest. */
  hasRoom(): boolean;
  /**
   * Durable when it returns, except for what sampling leaves out, and the mark with it. Throws when
   * the disk does not take it: then nothing was taken or counted, and the source tries again later.
   */
  write(records: readonly SourceRecord[], mark: QueueMark): void;
}
