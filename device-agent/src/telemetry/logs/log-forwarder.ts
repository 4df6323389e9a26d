import type { DiskQueue } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { FileSourceReader } from './file-source.ts';
import { JournalReader } from './journal-reader.ts';
import type { LogSink } from './log-sink.ts';
import type { LogSources } from './log-sources.ts';
import { PositionStore } from './position-store.ts';

export interface LogForwarderOptions {
  readonly sources: LogSources;
  /** Keeps the positions beside what is read. */
  readonly queue: Pick<DiskQueue, 'mark' | 'enqueueAll'>;
  readonly sink: LogSink;
  readonly pollMs: number;
  /** 1 or more; larger while the agent holds itself back. */
  readonly intervalFactor: () => number;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
}

/** Forwards log files and the journal until it is stopped. Without sources it does nothing at all. */
export class LogForwarder {
  readonly #options: LogForwarderOptions;
  readonly #readers: readonly FileSourceReader[];
  readonly #journal: JournalReader | null;
  #timer: NodeJS.Timeout | undefined;
  #gaps = 0;

  constructor(options: LogForwarderOptions) {
    const { sources, queue, logger, sink, now, random } = options;
    this.#options = options;
    this.#readers = [];
    this.#journal = null;
    if (sources.files.length === 0 && sources.journal === undefined) return;
    const positions = new PositionStore(queue, logger);
    const onGap = (lost: number) => void (this.#gaps += lost);
    this.#readers = sources.files.map(
      (source) => new FileSourceReader({ source, positions, sink, logger, now, random, onGap }),
    );
    if (sources.journal !== undefined) {
      this.#journal = new JournalReader({
        source: sources.journal,
        positions,
        sink,
        logger,
        now,
        random,
        onGap,
      });
    }
  }

  /** Files and places in the journal that went away before they were read to their end, since the start. */
  get gaps(): number {
    return this.#gaps;
  }

  start(): void {
    if (this.#readers.length > 0) this.#schedule(0);
    this.#journal?.start();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    // What is there by now belongs to this run.
    for (const reader of this.#readers) reader.poll();
    for (const reader of this.#readers) reader.close();
    await this.#journal?.stop();
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      let hasMore = false;
      for (const reader of this.#readers) hasMore = reader.poll() || hasMore;
      const { pollMs, intervalFactor } = this.#options;
      this.#schedule(hasMore ? 1 : pollMs * intervalFactor());
    }, delayMs);
  }
}
