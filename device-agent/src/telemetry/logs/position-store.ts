import type { DiskQueue, QueueMark } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';

const headSchema = z.object({ length: z.number().int(), hash: z.string() });
const placeSchema = z.object({
  /** Device and inode. */
  id: z.string(),
  offset: z.number().int().nonnegative(),
  skipping: z.boolean(),
  head: headSchema,
});
/** How far one file has been read; it may have another name by now. */
export type FilePlace = z.output<typeof placeSchema>;
export type FileHead = z.output<typeof headSchema>;

const positionSchema = z.object({
  /** Oldest first; the last one is the live file. */
  reading: z.array(placeSchema),
  /** Rotated and read to their end. */
  done: z.array(placeSchema),
});
/** How far one followed path has been read. */
export type FilePosition = z.output<typeof positionSchema>;

const JOURNAL = 'journal-cursor';
const fileName = (path: string) => `log-file ${path}`;

/**
 * How far each source has been read. Kept as marks of the disk queue, so that records and the place
 * behind them are written in one transaction: a kill neither loses nor repeats any.
 */
export class PositionStore {
  readonly #queue: Pick<DiskQueue, 'mark' | 'enqueueAll'>;
  readonly #logger: Logger;

  constructor(queue: Pick<DiskQueue, 'mark' | 'enqueueAll'>, logger: Logger) {
    this.#queue = queue;
    this.#logger = logger;
  }

  /** Null for a path that was never read; one whose mark is unreadable counts as such, which is logged. */
  file(path: string): FilePosition | null {
    const text = this.#queue.mark(fileName(path));
    if (text === null) return null;
    try {
      return positionSchema.parse(JSON.parse(text));
    } catch (err) {
      this.#logger.error({ err, path }, 'the place in a log file is unreadable: it is read anew');
      return null;
    }
  }

  get journalCursor(): string | null {
    return this.#queue.mark(JOURNAL);
  }

  /** To be written with the records before it. */
  fileMark(path: string, position: FilePosition): QueueMark {
    return { name: fileName(path), value: JSON.stringify(position) };
  }

  journalMark(cursor: string): QueueMark {
    return { name: JOURNAL, value: cursor };
  }

  /** On its own, where no records go with it. Throws what the queue throws. */
  saveFile(path: string, position: FilePosition): void {
    this.#queue.enqueueAll([], this.fileMark(path, position));
  }

  forgetFile(path: string): void {
    this.#queue.enqueueAll([], { name: fileName(path), value: null });
  }

  forgetJournalCursor(): void {
    this.#queue.enqueueAll([], { name: JOURNAL, value: null });
  }
}
