import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFullError, type EventLog, type LogRecord, type StoredRecord } from '../event-log.ts';
import type { EventLogOptions } from '../event-log-options.ts';
import { GroupHeldError, InvalidRecordError, LogClosedError } from '../log-errors.ts';

export interface ContractHarness {
  /** Opens the same log again on every call (a durable one sees what earlier ones wrote). */
  open(options?: EventLogOptions): Promise<EventLog>;
  /** Whether a second `open` sees the first one's records. */
  readonly durable: boolean;
  /** Closes and removes everything. */
  dispose(): Promise<void>;
}

/** Leaves out what the kind of log does not promise, without a skipped test in the count. */
const noTest = (): void => undefined;
const ALL = { maxRecords: 10_000, maxBytes: 64 * 1024 * 1024 };

function record(key: string, text: string): LogRecord {
  return { key, value: Buffer.from(text), headers: { text } };
}

function texts(records: readonly StoredRecord[]): string[] {
  return records.map(({ value }) => Buffer.from(value).toString());
}

export interface ContractVariant {
  /** A group has one member at a time, and the log has a size bound of its own. True on embedded logs. */
  readonly embedded: boolean;
}

/** What every EventLog must do; call at the top level of a test file. */
export function describeEventLogContract(
  name: string,
  createHarness: () => Promise<ContractHarness>,
  { embedded }: ContractVariant = { embedded: true },
): void {
  describe(`${name} keeps the event log's contract`, () => {
    let harness: ContractHarness;
    let log: EventLog;
    let topic: string;
    const at = (partition: number) => ({ topic: topic, partition });

    beforeEach(async () => {
      topic = `contract-${randomUUID()}`;
      harness = await createHarness();
      log = await harness.open({ joinTimeoutMs: 50 });
    });
    afterEach(async () => {
      await log.close();
      await harness.dispose();
    });

    it('gives records back in order with gapless offsets, headers and exact bytes', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      await log.append(topic, [record('a', '0'), record('b', '1')]);
      await log.append(topic, [{ key: 'ключ', value: bytes, headers: { 'x-é': 'a\u0000"b' } }]);
      const consumer = await log.consumer('g', [topic]);
      const read = await consumer.read(at(0), 0, ALL);
      expect(read.map(({ offset }) => offset)).toEqual([0, 1, 2]);
      expect(read.map(({ key }) => key)).toEqual(['a', 'b', 'ключ']);
      expect(texts(read.slice(0, 2))).toEqual(['0', '1']);
      expect(Buffer.compare(read[2]!.value, bytes)).toBe(0);
      expect(read[2]!.headers).toEqual({ 'x-é': 'a\u0000"b' });
      expect(read[0]).toMatchObject({ topic: topic, partition: 0 });
      expect(await consumer.endOffset(at(0))).toBe(3);
    });

    it('keeps every record of many appends at once, each once and in one gapless row', async () => {
      const names = Array.from({ length: 200 }, (_, i) => `r${i}`);
      await Promise.all(names.map((text) => log.append(topic, [record('k', text)])));
      const read = await (await log.consumer('g', [topic])).read(at(0), 0, ALL);
      expect(texts(read).sort()).toEqual([...names].sort());
      expect(read.map(({ offset }) => offset)).toEqual(names.map((_, i) => i));
    });

    it('spreads keys over partitions and keeps one key in one partition, in order', async () => {
      await log.close();
      log = await harness.open({ partitions: 4 });
      const keys = Array.from({ length: 40 }, (_, i) => `device-${i}`);
      for (const round of [0, 1, 2]) {
        await log.append(
          topic,
          keys.map((key) => record(key, `${key}:${round}`)),
        );
      }
      const consumer = await log.consumer('g', [topic]);
      const partitions = await consumer.assignment();
      expect(partitions).toEqual([0, 1, 2, 3].map(at));
      const seen = new Map<string, Set<number>>();
      for (const partition of partitions) {
        const read = await consumer.read(partition, 0, ALL);
        expect(read.length).toBeGreaterThan(0);
        for (const { key } of read) {
          seen.set(key, (seen.get(key) ?? new Set()).add(partition.partition));
          expect(texts(read.filter((r) => r.key === key))).toEqual(
            [0, 1, 2].map((round) => `${key}:${round}`),
          );
        }
      }
      expect([...seen.values()].every((set) => set.size === 1)).toBe(true);
      expect(seen.size).toBe(keys.length);
    });

    it('reads within limits, at least one record, and nothing at the end', async () => {
      const big = 'x'.repeat(1000);
      await log.append(
        topic,
        Array.from({ length: 10 }, () => record('k', big)),
      );
      const consumer = await log.consumer('g', [topic]);
      expect(await consumer.read(at(0), 0, { maxRecords: 3, maxBytes: 1e6 })).toHaveLength(3);
      expect(await consumer.read(at(0), 4, { maxRecords: 9, maxBytes: 1 })).toHaveLength(1);
      const some = await consumer.read(at(0), 0, { maxRecords: 9, maxBytes: 5000 });
      expect(some.length).toBeGreaterThan(0);
      expect(some.length).toBeLessThan(6);
      expect(await consumer.read(at(0), 10, ALL)).toEqual([]);
    });

    it('remembers what a group committed, apart from other groups', async () => {
      await log.append(topic, [record('k', '0'), record('k', '1')]);
      const first = await log.consumer('one', [topic]);
      expect(await first.committed(at(0))).toBeNull();
      await first.commit(at(0), { offset: 0, metadata: 'about to' });
      await first.commit(at(0), { offset: 2, metadata: 'dôné' });
      expect(await first.committed(at(0))).toEqual({ offset: 2, metadata: 'dôné' });
      const second = await log.consumer('two', [topic]);
      expect(await second.committed(at(0))).toBeNull();
      await first.close();
      const again = await log.consumer('one', [topic]);
      expect(await again.committed(at(0))).toEqual({ offset: 2, metadata: 'dôné' });
    });

    const embeddedOnly = embedded ? it : noTest;
    embeddedOnly('refuses a second member of a group until the first has left', async () => {
      const first = await log.consumer('g', [topic]);
      await expect(log.consumer('g', [topic])).rejects.toBeInstanceOf(GroupHeldError);
      const other = await log.consumer('h', [topic]);
      await other.close();
      await first.close();
      const second = await log.consumer('g', [topic]);
      expect(await second.assignment()).toEqual([at(0)]);
    });

    it('ends a wait at an append, at an abort and at its timeout', async () => {
      const consumer = await log.consumer('g', [topic]);
      const timeoutMs = 20_000;
      await consumer.wait(1);
      const begun = performance.now();
      const waiting = consumer.wait(timeoutMs);
      await log.append(topic, [record('k', 'news')]);
      await waiting;
      expect(texts(await consumer.read(at(0), 0, ALL))).toEqual(['news']);
      await log.append(topic, [record('k', 'between')]);
      await consumer.wait(timeoutMs);
      const abort = new AbortController();
      const aborted = consumer.wait(timeoutMs, abort.signal);
      abort.abort();
      await aborted;
      await consumer.wait(10);
      expect(performance.now() - begun).toBeLessThan(timeoutMs / 2);
    });

    embeddedOnly('refuses a full log without writing any of the call', async () => {
      await log.close();
      log = await harness.open({ maxBytes: 10_000 });
      const consumer = await log.consumer('g', [topic]);
      const call = Array.from({ length: 4 }, () => record('k', 'y'.repeat(500)));
      let accepted = 0;
      const fill = async () => {
        for (;;) {
          await log.append(topic, call);
          accepted += 1;
          if (accepted > 100) return;
        }
      };
      await expect(fill()).rejects.toBeInstanceOf(LogFullError);
      expect(accepted).toBeGreaterThan(0);
      expect(await consumer.endOffset(at(0))).toBe(accepted * call.length);
    });

    it.each([
      ['an empty topic', () => '', record('k', 'v')],
      ['a topic with a slash', () => 'a/b', record('k', 'v')],
      ['the topic ..', () => '..', record('k', 'v')],
      ['an empty key', () => topic, record('', 'v')],
      ['a key with a line break', () => topic, record('a\nb', 'v')],
      ['a lone surrogate', () => topic, record('\ud800', 'v')],
      ['a very long key', () => topic, record('k'.repeat(300), 'v')],
      [
        'a header that is not text',
        () => topic,
        { key: 'k', value: new Uint8Array(), headers: { a: 1 as unknown as string } },
      ],
      [
        'a value that is not bytes',
        () => topic,
        { key: 'k', value: 'text' as unknown as Uint8Array, headers: {} },
      ],
    ])('refuses %s and writes nothing', async (_, target, bad) => {
      await expect(log.append(target(), [record('k', 'good'), bad])).rejects.toBeInstanceOf(
        InvalidRecordError,
      );
      expect(await (await log.consumer('g', [topic])).endOffset(at(0))).toBe(0);
    });

    it('refuses positions outside the log and partitions it does not have', async () => {
      await log.append(topic, [record('k', 'v')]);
      const consumer = await log.consumer('g', [topic]);
      for (const offset of [-1, 2, 0.5, Number.NaN]) {
        await expect(consumer.commit(at(0), { offset, metadata: '' })).rejects.toBeInstanceOf(
          InvalidRecordError,
        );
      }
      await expect(consumer.read(at(7), 0, ALL)).rejects.toBeInstanceOf(InvalidRecordError);
      await expect(consumer.read({ topic: 'other', partition: 0 }, 0, ALL)).rejects.toBeInstanceOf(
        InvalidRecordError,
      );
      expect(await consumer.committed(at(0))).toBeNull();
    });

    it('finishes pending appends at close and refuses use after it', async () => {
      const pending = log.append(topic, [record('k', 'last')]);
      const consumer = await log.consumer('g', [topic]);
      await log.close();
      await pending;
      await log.close();
      await expect(log.append(topic, [record('k', 'v')])).rejects.toBeInstanceOf(LogClosedError);
      await expect(consumer.endOffset(at(0))).rejects.toBeInstanceOf(LogClosedError);
      await expect(consumer.wait(10)).rejects.toBeInstanceOf(LogClosedError);
      if (!harness.durable) return;
      log = await harness.open();
      const again = await log.consumer('g', [topic]);
      expect(texts(await again.read(at(0), 0, ALL))).toEqual(['last']);
    });
  });
}
