import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFullError, type LogConsumer } from '../../src/index.ts';
import { resolveOptions, type EventLogOptions } from '../../src/event-log-options.ts';
import { SqliteEventLog } from '../../src/sqlite/sqlite-event-log.ts';

const TOPIC = 'telemetry';
const PARTITION = { topic: TOPIC, partition: 0 };
const HOUR_MS = 3_600_000;
const ALL = { maxRecords: 10_000, maxBytes: 1e9 };

let folder: string;
let nowMs: number;
let log: SqliteEventLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-log-'));
  nowMs = 1_000_000_000;
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: EventLogOptions): Promise<void> {
  const resolved = resolveOptions({ clock: () => nowMs, trimIntervalMs: HOUR_MS, ...options });
  log = await SqliteEventLog.open(join(folder, 'log.db'), resolved);
}

async function append(count: number, sizeBytes = 1000): Promise<void> {
  const value = new Uint8Array(sizeBytes);
  await log.append(
    TOPIC,
    Array.from({ length: count }, () => ({ key: 'k', value, headers: {} })),
  );
}

async function offsets(consumer: LogConsumer): Promise<number[]> {
  return (await consumer.read(PARTITION, 0, ALL)).map(({ offset }) => offset);
}

describe('trimming', () => {
  it('removes only what is old and committed by every group, and keeps counting offsets', async () => {
    await open({ retentionMs: HOUR_MS });
    const fast = await log.consumer('fast', [TOPIC]);
    const slow = await log.consumer('slow', [TOPIC]);
    await append(1000);
    await fast.commit(PARTITION, { offset: 1000, metadata: '' });
    nowMs += 2 * HOUR_MS;
    expect(await log.trim()).toBe(0);
    await slow.commit(PARTITION, { offset: 700, metadata: '' });
    expect(await log.trim()).toBeGreaterThan(700_000);
    expect((await offsets(slow))[0]).toBe(700);
    expect(await offsets(slow)).toHaveLength(300);
    expect((await log.stats()).records).toBe(300);
    await append(1);
    expect((await offsets(slow)).at(-1)).toBe(1000);
  });

  it('keeps young records while the log is small, drops them by size once it is not', async () => {
    await open({ retentionMs: HOUR_MS, retainBytes: 100_000 });
    const consumer = await log.consumer('g', [TOPIC]);
    await append(50);
    await consumer.commit(PARTITION, { offset: 50, metadata: '' });
    expect(await log.trim()).toBe(0);
    await append(150);
    await consumer.commit(PARTITION, { offset: 150, metadata: '' });
    await log.trim();
    const { sizeBytes, records } = await log.stats();
    expect(sizeBytes).toBeLessThanOrEqual(100_000);
    expect(records).toBeGreaterThan(85);
  });

  it('keeps a topic without readers until its own age', async () => {
    await open({ retentionMs: HOUR_MS, unreadRetentionMs: 10 * HOUR_MS, retainBytes: 0 });
    await append(10);
    nowMs += 9 * HOUR_MS;
    expect(await log.trim()).toBe(0);
    nowMs += 2 * HOUR_MS;
    await log.trim();
    expect((await log.stats()).records).toBe(0);
  });

  it('makes room in a full log from what is committed, and only from that', async () => {
    await open({ maxBytes: 100_000, retentionMs: HOUR_MS });
    const consumer = await log.consumer('g', [TOPIC]);
    await append(80);
    await expect(append(20)).rejects.toBeInstanceOf(LogFullError);
    expect(await consumer.endOffset(PARTITION)).toBe(80);
    await consumer.commit(PARTITION, { offset: 60, metadata: '' });
    await append(20);
    const kept = await offsets(consumer);
    expect(kept.slice(-40)).toEqual(Array.from({ length: 40 }, (_, i) => 60 + i));
    await expect(append(60)).rejects.toBeInstanceOf(LogFullError);
    expect((await offsets(consumer)).slice(-40)).toEqual(kept.slice(-40));
  });

  it('refuses only the calls of a group that do not fit', async () => {
    await open({ maxBytes: 10_000 });
    const results = await Promise.allSettled([append(1, 6000), append(1, 6000), append(1, 1000)]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await log.stats()).records).toBe(2);
  });
});
