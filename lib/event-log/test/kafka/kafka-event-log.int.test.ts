import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEADER_UNREADABLE_BATCH, type EventLog } from '../../src/event-log.ts';
import { OffsetBeyondEndError } from '../../src/log-errors.ts';
import { openEventLog } from '../../src/open-event-log.ts';
import { describeEventLogContract } from '../../src/testing/event-log-contract.ts';
import { COMPRESSIONS, ForeignClient } from '../../src/testing/kafka/foreign-client.ts';
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

describe('KafkaEventLog over what others left', () => {
  const LIMITS = { maxRecords: 100, maxBytes: 1_000_000 };

  async function withLog(work: (log: EventLog, other: ForeignClient) => Promise<void>) {
    const log = await openEventLog(broker.url);
    const other = new ForeignClient(broker.bootstrap);
    try {
      await work(log, other);
    } finally {
      await other.close();
      await log.close();
    }
  }

  it('reads every compression, and a batch that inflates too far as one record with the reason', async () => {
    await withLog(async (log, other) => {
      const consumer = await log.consumer('readers', ['foreign']);
      const [at] = await consumer.assignment();
      if (at === undefined) throw new Error('no partition');
      for (const codec of COMPRESSIONS) await other.produce(at, Buffer.alloc(2000, codec), codec);
      await other.produce(at, Buffer.alloc(65 * 1024 * 1024), 'zstd');
      await other.produce(at, Buffer.from('after'), 'none');
      const records = await consumer.read(at, 0, LIMITS);
      expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6]);
      expect(records.slice(0, 5).map(({ value }) => Buffer.from(value).toString('latin1'))).toEqual(
        COMPRESSIONS.map((codec) => Buffer.alloc(2000, codec).toString('latin1')),
      );
      expect(records.map(({ headers }) => headers[HEADER_UNREADABLE_BATCH])[5]).toBe(
        `its records have more than ${64 * 1024 * 1024} bytes`,
      );
      expect(Buffer.from(records[6]?.value ?? []).toString()).toBe('after');
    });
  });

  it('refuses a committed offset beyond the end by name, and a read there too', async () => {
    await withLog(async (log, other) => {
      await log.append('remade', [{ key: 'k', value: Buffer.from('v'), headers: {} }]);
      await other.commit('ahead', { topic: 'remade', partition: 0 }, 1000);
      const consumer = await log.consumer('ahead', ['remade']);
      const [at] = await consumer.assignment();
      if (at === undefined) throw new Error('no partition');
      await expect(consumer.committed(at)).rejects.toThrow(OffsetBeyondEndError);
      await expect(consumer.read(at, 1000, LIMITS)).rejects.toThrow(
        'offset 1000 lies beyond the end, 1',
      );
      expect(await consumer.read(at, 0, LIMITS)).toHaveLength(1);
    });
  });
});
