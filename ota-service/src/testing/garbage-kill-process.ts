import { join } from 'node:path';
import { createLogger } from '@flotilla/service';
import { openDatabase } from '../db/open-database.ts';
import { FolderArtifactStore } from '../firmware/folder-artifact-store.ts';
import { GarbageCollector } from '../firmware/garbage-collector.ts';
import { GarbageStore } from '../firmware/garbage-store.ts';

/**
 * Collects garbage and kills itself before the removal whose number is given:
 * `garbage-kill-process.ts <folder> <database URL> <removals before the kill> <now in ms>`.
 */
const [folder = '', databaseUrl = '', removals = '', now = ''] = process.argv.slice(2);
const artifacts = await FolderArtifactStore.open(join(folder, 'artifacts'));
let left = Number(removals);
const collector = new GarbageCollector({
  store: new GarbageStore(await openDatabase(databaseUrl)),
  artifacts: {
    list: () => artifacts.list(),
    remove(sha256, unlessModifiedAfterMs) {
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      left -= 1;
      return artifacts.remove(sha256, unlessModifiedAfterMs);
    },
  },
  clock: () => Number(now),
  logger: createLogger('garbage', 'silent'),
});
await collector.run({ dryRun: false });
