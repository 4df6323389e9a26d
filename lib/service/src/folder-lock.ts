import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Holds a data folder for one process. The lock is SQLite's own file lock, which the kernel drops
 * with the process, so a kill leaves nothing stale behind.
 */
export class FolderLock {
  readonly #database: DatabaseSync;
  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Throws FolderInUseError when another process holds the folder. */
  static acquire(folder: string, pid: number): FolderLock {
    mkdirSync(folder, { recursive: true });
    const ownerFile = join(folder, 'owner.pid');
    const database = new DatabaseSync(join(folder, 'lock.db'));
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    } catch (cause) {
      database.close();
      throw new FolderInUseError(folder, readOwner(ownerFile), { cause });
    }
    writeFileSync(ownerFile, `${pid}\n`);
    return new FolderLock(database);
  }

  release(): void {
    this.#database.close();
  }
}

function readOwner(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // The owner writes its id after taking the lock; between the two there is none to read.
    return 'unknown';
  }
}

export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
  constructor(folder: string, ownerPid: string, options?: ErrorOptions) {
    super(`${folder} is in use by process ${ownerPid}`, options);
  }
}
