import type {
  LogRecordExporter,
  LogRecordProcessor,
  ReadWriteLogRecord,
  ReadableLogRecord,
} from '@opentelemetry/sdk-logs';

const MAX_DELAY_MS = 1000;
const MAX_BATCH_RECORDS = 256;

/**
 * Gathers log records for at most a second. In place of the SDK's batch processor, which drops
 * records uncounted when a burst outruns its timer: the exporter here is the local disk and answers
 * before it returns, so a full batch is written at once and nothing has to be dropped.
 */
export class BatchingLogProcessor implements LogRecordProcessor {
  readonly #exporter: LogRecordExporter;
  readonly #onFailure: (error: Error) => void;
  #records: ReadableLogRecord[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(exporter: LogRecordExporter, onFailure: (error: Error) => void) {
    this.#exporter = exporter;
    this.#onFailure = onFailure;
  }

  onEmit(record: ReadWriteLogRecord): void {
    this.#records.push(record);
    if (this.#records.length >= MAX_BATCH_RECORDS) this.#export();
    else this.#timer ??= setTimeout(() => this.#export(), MAX_DELAY_MS);
  }

  forceFlush(): Promise<void> {
    this.#export();
    return this.#exporter.forceFlush();
  }

  async shutdown(): Promise<void> {
    this.#export();
    await this.#exporter.shutdown();
  }

  #export(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#records.length === 0) return;
    const batch = this.#records;
    this.#records = [];
    this.#exporter.export(batch, ({ error }) => {
      if (error !== undefined) this.#onFailure(error);
    });
  }
}
