import type { LogRecordExporter, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { QueueWriter } from './queue-writer.ts';

type ExportCallback = Parameters<LogRecordExporter['export']>[1];
type ExportResult = Parameters<ExportCallback>[0];

// ExportResultCode lives in @opentelemetry/core, which the SDK packages use but do not export again.
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment */
const SUCCESS = 0 as ExportResult['code'];
const FAILED = 1 as ExportResult['code'];
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

/** Log records go to the disk queue instead of the network; done when `export` returns. */
export class QueueLogExporter implements LogRecordExporter {
  readonly #writer: QueueWriter;
  constructor(writer: QueueWriter) {
    this.#writer = writer;
  }

  export(records: ReadableLogRecord[], done: ExportCallback): void {
    settle(() => this.#writer.writeLogs(records), done);
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/** The SDK hears of a failure through its callback; thrown, it would end in its timers. */
function settle(write: () => void, done: ExportCallback): void {
  try {
    write();
  } catch (error) {
    done({ code: FAILED, error: error instanceof Error ? error : new Error(String(error)) });
    return;
  }
  done({ code: SUCCESS });
}
