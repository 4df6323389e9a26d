import { syncGroupV5 } from '@platformatic/kafka';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LogFullError, type LogRecord } from '../../src/event-log.ts';
import type { EventLogOptions, MeasuredEventLog } from '../../src/event-log-options.ts';
import { LogUnavailableError, PartitionLostError } from '../../src/log-errors.ts';
import { openEventLog } from '../../src/open-event-log.ts';
import { startKafkaBroker, type KafkaBroker } from '../../src/testing/kafka/kafka-broker.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const PATIENCE = { timeout: 30_000, interval: 50 };

let folder: string;
let broker: KafkaBroker;
const opened: MeasuredEventLog[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-kafka-'));
  broker = await startKafkaBroker({ folder });
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const log of opened.splice(0)) await log.close();
});
afterAll(async () => {
  await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

async function open(url: string, options: EventLogOptions = {}): Promise<MeasuredEventLog> {
  const log = await openEventLog(url, options);
  opened.push(log);
  return log;
}

function record(key: string): LogRecord {
  return { key, value: Buffer.from('value'), headers: {} };
}

/** Accepts connections and never says a word, as a host that lost its power seems to. */
async function silentServer(): Promise<{ address: string; close: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

describe('KafkaEventLog against rare faults', () => {
  it('goes on with no partition that another member had while it missed a generation', async () => {
    const topic = 'missed';
    const url = `${broker.url}?partitions=6`;
    const members: string[] = [];
    const send = syncGroupV5.api.async;
    const held = Promise.withResolvers<void>();
    let isHolding = false;
    vi.spyOn(syncGroupV5.api, 'async').mockImplementation(async (...call) => {
      const memberId = call[3];
      if (!members.includes(memberId)) members.push(memberId);
      if (isHolding && memberId === members[1]) {
        await held.promise;
        throw new Error('the connection was cut');
      }
      return send(...call);
    });
    const first = await (await open(url)).consumer('missed', [topic]);
    const second = await (await open(url)).consumer('missed', [topic]);
    await expect.poll(async () => (await first.assignment()).length, PATIENCE).toBe(3);
    const before = await second.assignment();
    expect(before).toHaveLength(3);
    const log = await open(url);
    await log.append(
      topic,
      Array.from({ length: 60 }, (_, i) => record(`d${i}`)),
    );
    for (const at of before) await second.commit(at, { offset: 0, metadata: 'before' });
    isHolding = true;
    const third = await log.consumer('missed', [topic]);
    const keys = new Set(before.map(({ partition }) => partition));
    const taken = (await third.assignment()).find(({ partition }) => keys.has(partition));
    if (taken === undefined) throw new Error('the third member took nothing of the second');
    await third.commit(taken, { offset: 1, metadata: 'third' });
    await third.close();
    isHolding = false;
    held.resolve();
    const stale = second.commit(taken, { offset: 0, metadata: 'stale' });
    await expect(stale).rejects.toBeInstanceOf(PartitionLostError);
    const owner = async () =>
      (await second.assignment()).some(({ partition }) => partition === taken.partition)
        ? second
        : first;
    await expect
      .poll(async () => (await owner()).committed(taken).catch(() => null), PATIENCE)
      .toEqual({ offset: 1, metadata: 'third' });
  });

  it('works while the first broker of its address accepts and never answers', async () => {
    const silent = await silentServer();
    try {
      const url = `kafka://${silent.address},${broker.bootstrap}/`;
      const log = await open(url, { writeTimeoutMs: 6_000 });
      await log.append('silent', [record('k')]);
      const consumer = await log.consumer('silent', ['silent']);
      expect(await consumer.assignment()).toHaveLength(1);
    } finally {
      silent.close();
    }
  });

  it('holds no more than bufferBytes while no broker tells it of the topic', async () => {
    const log = await open('kafka://127.0.0.1:1/?bufferBytes=1000', { writeTimeoutMs: 1_000 });
    const large = { key: 'k', value: Buffer.alloc(900), headers: {} };
    const appends = [log.append('t', [large]), log.append('t', [large])];
    const [held, refused] = await Promise.allSettled(appends);
    expect(held).toMatchObject({ reason: expect.any(LogUnavailableError) as unknown });
    expect(refused).toMatchObject({ reason: expect.any(LogFullError) as unknown });
    const again = log.append('t', [large]);
    await expect(again).rejects.toBeInstanceOf(LogUnavailableError);
  });

  it('keeps nothing of waits that are over', async () => {
    const log = await open(broker.url);
    const consumer = await log.consumer('waits', ['waits']);
    const collect = async () => {
      for (let i = 0; i < 3; i += 1) {
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return process.memoryUsage().heapUsed;
    };
    for (let i = 0; i < 1_000; i += 1) await consumer.wait(0);
    const before = await collect();
    for (let i = 0; i < 30_000; i += 1) await consumer.wait(0);
    expect((await collect()) - before).toBeLessThan(3_000_000);
  });
});
