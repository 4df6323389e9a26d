import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { isFileError } from '../../disk/durable-file.ts';

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

const storeSchema = z.object({
  files: z.record(z.string(), positionSchema),
  journalCursor: z.string().nullable(),
});

/**
 * How far each source has been read, on disk when `save…` returns. Written after the records are in
 * the disk queue, so a kill in between repeats them and never loses any.
 */
export class PositionStore {
  readonly #file: string;
  #state: z.output<typeof storeSchema>;

  /** A file that cannot be read counts as missing: sources then begin anew, which is logged. */
  constructor(file: string, logger: Logger) {
    this.#file = file;
    this.#state = { files: {}, journalCursor: null };
    mkdirSync(dirname(file), { recursive: true });
    try {
      this.#state = storeSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (err) {
      if (isFileError(err, 'ENOENT')) return;
      logger.error({ err, file }, 'log positions are unreadable: log sources begin anew');
    }
  }

  file(path: string): FilePosition | null {
    return this.#state.files[path] ?? null;
  }

  get journalCursor(): string | null {
    return this.#state.journalCursor;
  }

  /** Throws what the file system throws. */
  saveFile(path: string, position: FilePosition): void {
    this.#state.files[path] = position;
    this.#write();
  }

  saveJournalCursor(cursor: string | null): void {
    this.#state.journalCursor = cursor;
    this.#write();
  }

  #write(): void {
    const temporary = `${this.#file}.tmp`;
    const file = openSync(temporary, 'w');
    try {
      writeFileSync(file, JSON.stringify(this.#state));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.#file);
    const folder = openSync(dirname(this.#file), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
