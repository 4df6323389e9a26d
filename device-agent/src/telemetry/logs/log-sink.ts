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
   * Durable when it returns, except for what sampling leaves out. Throws when the disk does not take
   * it: then nothing was taken, and the source tries again later.
   */
  write(records: readonly SourceRecord[]): void;
}
