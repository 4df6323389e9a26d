import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { EventLog } from '../../src/event-log.ts';
import { openEventLog } from '../../src/open-event-log.ts';
import { describeEventLogContract } from '../../src/testing/event-log-contract.ts';
import { startKafkaBroker, type KafkaBroker } from '../../src/testing/kafka/kafka-broker.ts';

let folder: string;
let broker: KafkaBroker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-kafka-'));
  broker = await startKafkaBroker({ folder });
});
afterAll(async () => {
  await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

describeEventLogContract(
  'KafkaEventLog',
  async () => {
    const opened: EventLog[] = [];
    return {
      durable: true,
      open: async (options) => {
        const log = await openEventLog(broker.url, options);
        opened.push(log);
        return log;
      },
      dispose: async () => {
        for (const log of opened) await log.close();
      },
    };
  },
  { embedded: false },
);
