import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LogConsumer, LogRecord, TopicPartition } from '../../src/event-log.ts';
import type { EventLogOptions, MeasuredEventLog } from '../../src/event-log-options.ts';
import {
  InvalidRecordError,
  LogUnavailableError,
  PartitionLostError,
} from '../../src/log-errors.ts';
import { openEventLog } from '../../src/open-event-log.ts';
import { startKafkaBroker, type KafkaBroker } from '../../src/testing/kafka/kafka-broker.ts';

const ALL = { maxRecords: 100_000, maxBytes: 64 * 1024 * 1024 };
const PATIENCE = { timeout: 30_000, interval: 50 };

let folder: string;
let broker: KafkaBroker;
const opened: MeasuredEventLog[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-kafka-'));
  broker = await startKafkaBroker({ folder, secured: { users: { ota: 's3cret' } } });
});
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});
afterAll(async () => {
  await broker.kill();
  await rm(folder, { recursive: true, force: true });
});

async function open(query = '', options: EventLogOptions = {}): Promise<MeasuredEventLog> {
  const log = await openEventLog(`${broker.url}${query}`, options);
  opened.push(log);
  return log;
}

function record(key: string, text: string): LogRecord {
  return { key, value: Buffer.from(text), headers: {} };
}

async function readAll(consumer: LogConsumer, at: TopicPartition): Promise<string[]> {
  const texts: string[] = [];
  for (let offset = 0; ;) {
    const read = await consumer.read(at, offset, ALL);
    const last = read.at(-1);
    if (last === undefined) return texts;
    texts.push(...read.map(({ value }) => Buffer.from(value).toString()));
    offset = last.offset + 1;
  }
}

describe('KafkaEventLog when things fail', () => {
  it('keeps every acknowledged record once over a broker killed in mid-append', async () => {
    const log = await open('?partitions=3', { writeTimeoutMs: 30_000 });
    const acknowledged: string[] = [];
    let stop = false;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; !stop; i += 1) {
        const text = `${writer}-${i}`;
        await log.append('killed', [record(`k${i % 50}`, text)]);
        acknowledged.push(text);
      }
    });
    await expect.poll(() => acknowledged.length, PATIENCE).toBeGreaterThan(300);
    await broker.kill();
    await broker.restart();
    const before = acknowledged.length;
    await expect.poll(() => acknowledged.length, PATIENCE).toBeGreaterThan(before + 300);
    stop = true;
    await Promise.all(writers);
    const consumer = await log.consumer('g', ['killed']);
    const stored: string[] = [];
    for (const at of await consumer.assignment()) stored.push(...(await readAll(consumer, at)));
    expect(stored.length).toBe(acknowledged.length);
    expect(stored.sort()).toEqual(acknowledged.sort());
  });

  it('shares partitions among members, each record in exactly one committed range', async () => {
    const topic = 'shared';
    const log = await open('?partitions=4');
    const total = 600;
    const seen: string[] = [];
    let isOver = false;
    const consume = async (consumer: LogConsumer) => {
      const offsets = new Map<number, number>();
      while (!isOver) {
        const owned = await consumer.assignment();
        for (const held of offsets.keys()) {
          if (!owned.some(({ partition }) => partition === held)) offsets.delete(held);
        }
        for (const at of owned) {
          try {
            const offset = offsets.get(at.partition) ?? (await consumer.committed(at))?.offset ?? 0;
            const read = await consumer.read(at, offset, { maxRecords: 20, maxBytes: 1e6 });
            const next = (read.at(-1)?.offset ?? offset - 1) + 1;
            if (read.length > 0) await consumer.commit(at, { offset: next, metadata: '' });
            offsets.set(at.partition, next);
            seen.push(...read.map(({ value }) => Buffer.from(value).toString()));
          } catch (error) {
            if (!(error instanceof PartitionLostError)) throw error;
            offsets.delete(at.partition);
          }
        }
        await consumer.wait(20);
      }
    };
    const first = await log.consumer('pair', [topic]);
    expect(await first.assignment()).toHaveLength(4);
    const loops = [consume(first)];
    const appending = (async () => {
      for (let i = 0; i < total; i += 10) {
        const batch = Array.from({ length: 10 }, (_, j) => record(`d${i + j}`, `${i + j}`));
        await log.append(topic, batch);
      }
    })();
    const second = await (await open()).consumer('pair', [topic]);
    loops.push(consume(second));
    await expect.poll(async () => (await second.assignment()).length, PATIENCE).toBe(2);
    await expect.poll(async () => (await first.assignment()).length, PATIENCE).toBe(2);
    await appending;
    await expect.poll(() => seen.length, PATIENCE).toBe(total);
    isOver = true;
    await Promise.all(loops);
    expect(new Set(seen).size).toBe(total);
    await second.close();
    await expect.poll(async () => (await first.assignment()).length, PATIENCE).toBe(4);
  });

  it('fences the commit of a member whose partition went to another', async () => {
    const topic = 'fenced';
    const log = await open('?partitions=2');
    const keys = Array.from({ length: 20 }, (_, i) => `d${i}`);
    await log.append(
      topic,
      keys.map((key) => record(key, key)),
    );
    const first = await log.consumer('fence', [topic]);
    const held = await first.assignment();
    for (const at of held) await first.read(at, 0, ALL);
    const second = await (await open()).consumer('fence', [topic]);
    const [taken] = await second.assignment();
    if (taken === undefined) throw new Error('the second member got nothing');
    await second.committed(taken);
    await second.commit(taken, { offset: 1, metadata: 'second' });
    await expect(first.commit(taken, { offset: 0, metadata: 'zombie' })).rejects.toBeInstanceOf(
      PartitionLostError,
    );
    expect(await second.committed(taken)).toEqual({ offset: 1, metadata: 'second' });
    const [kept] = await first.assignment();
    if (kept === undefined) throw new Error('the first member kept nothing');
    await first.commit(kept, { offset: 0, metadata: 'mine' });
  });

  it('fences a member that was stopped, outlived by its session and goes on', async () => {
    const topic = 'stopped';
    const log = await open('', { leaseMs: 1_500 });
    await log.append(topic, [record('a', '1')]);
    const script = fileURLToPath(new URL('processes/zombie.ts', import.meta.url));
    const child = spawn(process.execPath, [script, broker.url, 'stop', topic], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      let said = '';
      child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
      await expect.poll(() => said, PATIENCE).toBe('joined\n');
      child.kill('SIGSTOP');
      const heir = await log.consumer('stop', [topic]);
      const [at] = await heir.assignment();
      expect(at).toEqual({ topic, partition: 0 });
      await heir.commit(at!, { offset: 1, metadata: 'heir' });
      child.kill('SIGCONT');
      child.stdin.write('\n');
      await expect.poll(() => said, PATIENCE).toBe('joined\nPartitionLostError\n');
      expect(await heir.committed(at!)).toEqual({ offset: 1, metadata: 'heir' });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('refuses a record larger than the topic takes and takes the next', async () => {
    const log = await open('?compression=none');
    const large = { key: 'k', value: Buffer.alloc(3 * 1024 * 1024), headers: {} };
    await expect(log.append('sizes', [large])).rejects.toBeInstanceOf(InvalidRecordError);
    await log.append('sizes', [record('k', 'small')]);
    const consumer = await log.consumer('sizes', ['sizes']);
    expect(await readAll(consumer, { topic: 'sizes', partition: 0 })).toEqual(['small']);
  });

  it('says that a topic is missing when it must not create it', async () => {
    const log = await open('?createTopics=false', { writeTimeoutMs: 2_000 });
    const appending = log.append('never', [record('k', 'v')]);
    await expect(appending).rejects.toThrow(/never does not exist/);
    await expect(appending).rejects.toBeInstanceOf(LogUnavailableError);
  });

  it('tells a closed port and wrong credentials apart from a slow broker', async () => {
    const away = await openEventLog('kafka://127.0.0.1:1/', { writeTimeoutMs: 500 });
    await expect(away.append('t', [record('k', 'v')])).rejects.toBeInstanceOf(LogUnavailableError);
    await expect(away.stats()).rejects.toBeInstanceOf(LogUnavailableError);
    await away.close();
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256']) {
      const url = (password: string) =>
        `kafka://ota:${password}@${broker.securedBootstrap}/?mechanism=${mechanism}`;
      const wrong = await openEventLog(url('wr0ng'), { writeTimeoutMs: 10_000 });
      const appending = wrong.append('t', [record('k', 'v')]);
      await expect(appending).rejects.toThrow(/refuses this user/);
      await expect(appending).rejects.not.toThrow(/wr0ng/);
      await wrong.close();
      const right = await openEventLog(url('s3cret'));
      await right.stats();
      await right.close();
    }
  });
});
