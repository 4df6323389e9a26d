import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Makes every write of the queue in `folder` fail until the returned function is called. */
export function holdWriteLock(folder: string): () => void {
  const database = new DatabaseSync(join(folder, 'telemetry-queue.db'));
  database.exec('BEGIN IMMEDIATE');
  return () => {
    if (database.isOpen) database.close();
  };
}
