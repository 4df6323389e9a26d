import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { FolderSharing } from './folder-artifact-store.ts';

/** Replicas with one registry and one artifact folder take turns at changing the folder. */
export function artifactSharing(database: Kysely<Database>): FolderSharing {
  return {
    exclusively: (work) =>
      database.transaction().execute(async (trx) => {
        await lockName(trx, 'artifacts');
        return work();
      }),
  };
}
