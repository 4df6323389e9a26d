import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { LogFullError } from '../event-log.ts';
import { LogUnavailableError } from '../log-errors.ts';

/** Result codes (sqlite.org/rescode.html); the low byte is the primary code. */
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

/** Waits inside SQLite block the event loop, so they stay short; longer ones are between attempts. */
const BUSY_TIMEOUT_MS = 20;
const RETRY_MS = 3;

export function loadSql(name: string): string {
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');
}

const BEGIN = loadSql('begin');
const COMMIT = loadSql('commit');
const ROLLBACK = loadSql('rollback');

function primaryCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** Opens the file and sees to its schema; several processes may do so at once. */
export async function openDatabase(file: string, writeTimeoutMs: number): Promise<DatabaseSync> {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    await retryWhileBusy(() => database.exec(loadSql('journal')), writeTimeoutMs);
    await writeTransaction(database, writeTimeoutMs, () => migrate(database, file));
    return database;
  } catch (error) {
    database.close();
    if (error instanceof LogUnavailableError || error instanceof LogFullError) throw error;
    throw new LogUnavailableError(`${file} cannot be used as an event log`, { cause: error });
  }
}

function migrate(database: DatabaseSync, file: string): void {
  const version = Number(database.prepare(loadSql('schema-version')).get()?.['user_version']);
  if (version === 1) return;
  if (version !== 0) {
    throw new LogUnavailableError(`${file} was written by a newer release (schema ${version})`);
  }
  database.exec(loadSql('schema'));
  database.exec(loadSql('set-schema-version-1'));
}

/**
 * Runs `work` in one write transaction. It is synchronous between begin and commit, so callers on
 * one connection cannot interleave; durable when it resolves (sqlite.org/pragma.html#pragma_synchronous).
 */
export async function writeTransaction<T>(
  database: DatabaseSync,
  timeoutMs: number,
  work: () => T,
): Promise<T> {
  return retryWhileBusy(() => {
    database.exec(BEGIN);
    try {
      const result = work();
      database.exec(COMMIT);
      return result;
    } catch (error) {
      // Some errors, a full disk among them, roll back on their own.
      if (database.isTransaction) database.exec(ROLLBACK);
      if (primaryCode(error) === SQLITE_FULL) {
        throw new LogFullError('the disk under the log is full', { cause: error });
      }
      throw error;
    }
  }, timeoutMs);
}

export async function retryWhileBusy<T>(attempt: () => T, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (primaryCode(error) !== SQLITE_BUSY) throw error;
      if (performance.now() >= deadline) {
        throw new LogUnavailableError(`the log stayed locked for ${timeoutMs} ms`, {
          cause: error,
        });
      }
    }
    // The spread keeps two processes from meeting at every attempt.
    await delay(RETRY_MS * (0.5 + Math.random()));
  }
}
