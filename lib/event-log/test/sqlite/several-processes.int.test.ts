import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GroupHeldError, openEventLog, type EventLog, type StoredRecord } from '../../src/index.ts';
import { Child } from './processes/child-process.ts';

const TOPIC = 'shared';
const PARTITION = { topic: TOPIC, partition: 0 };
const DEADLINE = { timeout: 30_000, interval: 10 };

let folder: string;
let url: string;
let children: Child[];
let logs: EventLog[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-log-'));
  url = `sqlite:${folder}/log.db`;
  children = [];
  logs = [];
});
afterEach(async () => {
  for (const child of children) await child.kill();
  for (const log of logs) await log.close();
  await rm(folder, { recursive: true, force: true });
});

function start(...args: ConstructorParameters<typeof Child>): Child {
  const child = new Child(...args);
  children.push(child);
  return child;
}

async function open(options = {}): Promise<EventLog> {
  const log = await openEventLog(url, options);
  logs.push(log);
  return log;
}

async function readAll(): Promise<StoredRecord[]> {
  const consumer = await (await open()).consumer('audit', [TOPIC]);
  const records: StoredRecord[] = [];
  for (;;) {
    const more = await consumer.read(PARTITION, records.length, { maxRecords: 500, maxBytes: 1e7 });
    if (more.length === 0) return records;
    records.push(...more);
  }
}

function expectOnceEach(records: readonly StoredRecord[], ids: readonly string[]): void {
  expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => i));
  const stored = records.map(({ value }) => Buffer.from(value).toString());
  expect(new Set(stored).size).toBe(stored.length);
  const kept = new Set(stored);
  expect(ids.filter((id) => !kept.has(id))).toEqual([]);
}

describe('a log file shared by processes', () => {
  it('takes two appenders at once while a third reads all of it, in order', async () => {
    const count = 400;
    const reader = start('reader', url, TOPIC, 'g');
    const writers = ['one', 'two'].map((name) => start('appender', url, TOPIC, name, `${count}`));
    await Promise.all(writers.map(({ exited }) => exited));
    expect(writers.map(({ errors }) => errors)).toEqual(['', '']);
    expect(writers.map(({ lines }) => lines.length)).toEqual([count, count]);
    await vi.waitFor(() => expect(reader.lines).toHaveLength(1 + 2 * count), DEADLINE);
    const records = await readAll();
    expect(records).toHaveLength(2 * count);
    expectOnceEach(
      records,
      writers.flatMap(({ lines }) => lines),
    );
    expect(reader.lines.slice(1)).toEqual(
      records.map(({ offset, value }) => `${offset} ${Buffer.from(value).toString()}`),
    );
  });

  it('keeps every acknowledged record of appenders killed in mid-stream, each once', async () => {
    const acknowledged: string[] = [];
    for (const round of [0, 1, 2, 3, 4]) {
      const victim = start('appender', url, TOPIC, `victim${round}`, '1000000');
      const bystander = start('appender', url, TOPIC, `other${round}`, '100');
      await vi.waitFor(
        () => expect(victim.lines.length).toBeGreaterThan(50 + 37 * round),
        DEADLINE,
      );
      await victim.kill();
      await bystander.exited;
      expect(bystander.errors).toBe('');
      expect(bystander.lines).toHaveLength(100);
      acknowledged.push(...victim.lines, ...bystander.lines);
    }
    expect(acknowledged.length).toBeGreaterThan(1000);
    expectOnceEach(await readAll(), acknowledged);
    const database = new DatabaseSync(join(folder, 'log.db'));
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    database.close();
  });

  it('hands a killed reader’s group over at once, from its last commit', async () => {
    const log = await open();
    const records = Array.from({ length: 2000 }, (_, i) => ({
      key: 'k',
      value: Buffer.from(`r${i}`),
      headers: {},
    }));
    await log.append(TOPIC, records);
    const seen: string[] = [];
    for (const round of [1, 2, 3]) {
      const reader = start('reader', url, TOPIC, 'g');
      await vi.waitFor(() => expect(reader.lines.length).toBeGreaterThan(60 * round), DEADLINE);
      await reader.kill();
      const [joined, ...lines] = reader.lines;
      // What the last one committed but had no time to print was processed by it, never again.
      expect(Number(joined!.split(' ')[1])).toBeGreaterThanOrEqual(seen.length);
      seen.push(...lines);
      expect(new Set(seen).size).toBe(seen.length);
    }
    const killedAt = performance.now();
    const consumer = await log.consumer('g', [TOPIC]);
    expect(performance.now() - killedAt).toBeLessThan(2000);
    const position = await consumer.committed(PARTITION);
    const lastSeen = Number(seen.at(-1)!.split(' ')[0]);
    expect(position!.offset).toBeGreaterThan(lastSeen);
    expect(position!.metadata).toMatch(/^read by \d+$/);
  });

  it('refuses a group that a living process holds, naming it', async () => {
    const reader = start('reader', url, TOPIC, 'g');
    await vi.waitFor(() => expect(reader.lines).toEqual(['joined 0']), DEADLINE);
    const log = await open({ joinTimeoutMs: 200 });
    const refusal = log.consumer('g', [TOPIC]);
    await expect(refusal).rejects.toBeInstanceOf(GroupHeldError);
    await expect(refusal).rejects.toThrow(`held by process ${reader.process.pid!}`);
  });

  it('wakes a waiting reader of another process', async () => {
    const reader = start('reader', url, TOPIC, 'g');
    await vi.waitFor(() => expect(reader.lines).toEqual(['joined 0']), DEADLINE);
    const log = await open();
    await log.append(TOPIC, [{ key: 'k', value: Buffer.from('news'), headers: {} }]);
    await vi.waitFor(() => expect(reader.lines).toEqual(['joined 0', '0 news']), {
      // Well below the 10 s the reader waits at most.
      timeout: 3000,
      interval: 5,
    });
  });
});
