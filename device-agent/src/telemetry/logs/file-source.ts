import { globSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '@flotilla/service';
import { isFileError } from '../../disk/durable-file.ts';
import { retryDelayMs } from '../../update/domain/retry-delay.ts';
import { FileFollower, type FolderLook } from './file-follower.ts';
import type { LogSink } from './log-sink.ts';
import type { FileSource } from './log-sources.ts';
import type { PositionStore } from './position-store.ts';
import { fileRecord } from './source-record.ts';

/** Files of one source that are followed; a glob that matches more is cut, which is said. */
const MAX_FILES = 64;
const GLOB_EVERY_POLLS = 20;
/** Coarser than any file system's clock, but for FAT. */
const FOLDER_TIME_STEP_MS = 100;
const FAILURE_BACK_OFF = { baseMs: 500, maxMs: 30_000 };

export interface FileSourceOptions {
  readonly source: FileSource;
  readonly positions: PositionStore;
  readonly sink: LogSink;
  readonly logger: Logger;
  readonly now: () => number;
  readonly random: () => number;
  readonly onGap: (files: number) => void;
}

interface Followed {
  readonly follower: FileFollower;
  failures: number;
  retryAtMs: number;
}

/** Follows every file that a source's paths and globs name, also those that come later. */
export class FileSourceReader {
  readonly #options: FileSourceOptions;
  readonly #followed = new Map<string, Followed>();
  #polls = 0;
  #saidTooMany = false;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  /** True when there is more to read at once. A file that fails is left alone for a while. */
  poll(): boolean {
    if (this.#polls % GLOB_EVERY_POLLS === 0) this.#tryToLookForFiles();
    this.#polls += 1;
    let hasMore = false;
    for (const [path, followed] of this.#followed) {
      if (this.#pollOne(path, followed)) hasMore = true;
    }
    return hasMore;
  }

  close(): void {
    for (const { follower } of this.#followed.values()) follower.close();
  }

  #pollOne(path: string, followed: Followed): boolean {
    const { logger, now, random } = this.#options;
    if (now() < followed.retryAtMs) return false;
    try {
      const hasMore = followed.follower.poll(lookAt(path, now()));
      if (followed.failures > 0) logger.info({ path }, 'a log file can be forwarded again');
      followed.failures = 0;
      return hasMore;
    } catch (err) {
      followed.failures += 1;
      if (followed.failures === 1) logger.warn({ err, path }, 'a log file cannot be forwarded');
      followed.retryAtMs = now() + retryDelayMs(followed.failures, FAILURE_BACK_OFF, random());
      return false;
    }
  }

  /** The disk or a folder may fail; the next look comes soon. */
  #tryToLookForFiles(): void {
    try {
      this.#lookForFiles();
    } catch (err) {
      this.#options.logger.warn({ err }, 'log files cannot be looked for');
    }
  }

  #lookForFiles(): void {
    const { source, logger } = this.#options;
    const paths = source.paths.flatMap(expand);
    this.#forgetGone(new Set(paths));
    for (const path of paths) {
      if (this.#followed.has(path)) continue;
      if (this.#followed.size >= MAX_FILES) {
        if (!this.#saidTooMany) logger.warn({ path, limit: MAX_FILES }, 'too many log files');
        this.#saidTooMany = true;
        return;
      }
      this.#followed.set(path, { follower: this.#follow(path), failures: 0, retryAtMs: 0 });
    }
  }

  /** So that files whose name carries a date do not use up the places for good. */
  #forgetGone(named: ReadonlySet<string>): void {
    for (const [path, { follower }] of this.#followed) {
      if (named.has(path) || !follower.isIdle) continue;
      this.#options.positions.forgetFile(path);
      this.#followed.delete(path);
    }
  }

  #follow(path: string): FileFollower {
    const { source, positions, sink, logger, now, onGap } = this.#options;
    const { format, startAt, multilineStart, sampleBy = null } = source;
    return new FileFollower({
      path,
      startAt,
      startPattern: multilineStart === undefined ? null : new RegExp(multilineStart),
      position: positions.file(path),
      logger,
      onGap,
      hasRoom: () => sink.hasRoom(),
      write: (records, fileId, position) => {
        const nowMs = now();
        sink.write(
          records
            .filter(({ text }) => text !== '')
            .map((record) => fileRecord(record, { path, fileId, format, sampleBy }, nowMs)),
          positions.fileMark(path, position),
        );
      },
    });
  }
}

/** A plain path is followed before there is such a file. */
function expand(pattern: string): string[] {
  return /[*?[{]/.test(pattern) ? globSync(pattern).sort() : [pattern];
}

function lookAt(path: string, nowMs: number): FolderLook {
  const liveId = statIfThere(path, ({ dev, ino }) => `${dev}:${ino}`);
  const changedAtMs = statIfThere(dirname(path), ({ mtimeMs }) => mtimeMs) ?? 0;
  const isFolderQuiet = Math.abs(nowMs - changedAtMs) > FOLDER_TIME_STEP_MS;
  return { liveId, folderChange: String(changedAtMs), isFolderQuiet };
}

function statIfThere<T>(path: string, take: (stat: Stats) => T): T | null {
  try {
    return take(statSync(path));
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
}
