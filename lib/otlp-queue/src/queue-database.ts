import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Logger } from '@flotilla/service';

const FILE_NAME = 'telemetry-queue.db';
const SCHEMA_VERSION = 2;
/** The wait blocks the process; one owner per folder means it should never happen. */
const BUSY_TIMEOUT_MS = 1000;
/** SQLite result codes, sqlite.org/rescode.html; the low byte is the primary code. */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** The queue's file holds what this version cannot read. */
class UnreadableQueueError extends Error {
  override readonly name = 'UnreadableQueueError';
}

/** The folder cannot hold a queue at all: not writable, not a folder, disk failing. */
export class QueueOpenError extends Error {
  override readonly name = 'QueueOpenError';
}

/**
 * Opens or creates the queue's database in `folder`. A file that is damaged or not ours is moved to
 * `telemetry-queue.db.corrupt` (one is kept, so that a failing flash cannot fill itself with them)
 * and a fresh one is started. Throws QueueOpenError when that is not possible either.
 */
export function openQueueDatabase(folder: string, logger: Logger): DatabaseSync {
  const file = join(folder, FILE_NAME);
  try {
    mkdirSync(folder, { recursive: true });
    try {
      return openChecked(file);
    } catch (err) {
      if (!isCorruption(err)) throw err;
      const movedTo = setAside(file);
      logger.error({ err, movedTo }, 'the telemetry queue was damaged; starting an empty one');
      return openChecked(file);
    }
  } catch (cause) {
    throw new QueueOpenError(`no telemetry queue can be kept in ${folder}`, { cause });
  }
}

export function isCorruption(error: unknown): boolean {
  if (error instanceof UnreadableQueueError) return true;
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  const code = typeof error.errcode === 'number' ? error.errcode & 0xff : -1;
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

export function loadSql(name: string): string {
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');
}

function openChecked(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    // FULL: in WAL mode only this syncs at every commit, and a resolved enqueue promises the disk.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const check = database.prepare('PRAGMA quick_check(1)').get();
    if (check?.['quick_check'] !== 'ok') {
      throw new UnreadableQueueError(`quick_check: ${String(check?.['quick_check'])}`);
    }
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version !== 0 && version !== 1 && version !== SCHEMA_VERSION) {
      throw new UnreadableQueueError(`schema version ${String(version)} is not known`);
    }
    // Closing after a failure rolls back, so an upgrade happens whole or not at all.
    database.exec('BEGIN IMMEDIATE');
    if (version === 1) database.exec(loadSql('from-version-1'));
    database.exec(loadSql('schema'));
    if (version === 1) database.exec(loadSql('copy-version-1'));
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function setAside(file: string): string {
  const movedTo = `${file}.corrupt`;
  renameSync(file, movedTo);
  // They belong to the file that was moved.
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  return movedTo;
}
