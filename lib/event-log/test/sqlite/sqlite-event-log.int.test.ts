import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventLog } from '../../src/event-log.ts';
import { openEventLog } from '../../src/open-event-log.ts';
import { describeEventLogContract } from '../../src/testing/event-log-contract.ts';

describeEventLogContract('SqliteEventLog', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-log-'));
  const opened: EventLog[] = [];
  return {
    durable: true,
    open: async (options) => {
      const log = await openEventLog(`sqlite:${folder}/log.db`, options);
      opened.push(log);
      return log;
    },
    dispose: async () => {
      for (const log of opened) await log.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
