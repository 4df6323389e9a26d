import { HEADER_BATCH_ID, TOPIC_DEAD_LETTERS, TOPIC_LOGS } from '@flotilla/contracts';
import {
  GroupLostError,
  LogFullError,
  PartitionLostError,
  type LogConsumer,
} from '@flotilla/event-log';
import { MemoryEventLog } from '@flotilla/event-log/testing';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IngestLoop } from '../../src/consume/ingest-loop.ts';
import type { EncodedRange } from '../../src/consume/encoded-range.ts';
import { pendingPosition } from '../../src/consume/pending-range.ts';
import { RangeReader } from '../../src/consume/range-reader.ts';
import { createMetrics } from '../../src/metrics.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';

const AT = { topic: TOPIC_LOGS, partition: 0 };

/** A loader that remembers what it was given, and fails as often as told. */
class FakeLoader {
  readonly stored: { readonly offsets: number[]; readonly isRepeat: boolean }[] = [];
  failures = 0;
  async store({ batches }: EncodedRange, isRepeat: boolean): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('no warehouse');
    }
    this.stored.push({ offsets: batches.map(({ offset }) => offset), isRepeat });
  }
}

let log: MemoryEventLog;
let consumer: LogConsumer;
let loader: FakeLoader;
let abort: AbortController;
let running: Promise<void> | undefined;

beforeEach(async () => {
  log = new MemoryEventLog();
  consumer = await log.consumer('pipeline', [TOPIC_LOGS]);
  loader = new FakeLoader();
  abort = new AbortController();
});
afterEach(async () => {
  abort.abort();
  await running?.catch(() => undefined);
});

function run(maxRows = 2): IngestLoop {
  const loop = new IngestLoop({
    log,
    consumer,
    reader: new RangeReader(
      consumer,
      { known: () => Promise.resolve(new Set<string>()) },
      { maxRows, maxBytes: 1e6, maxAgeMs: 0 },
    ),
    loader,
    metrics: createMetrics(),
    logger: createLogger('test', 'silent'),
    clock: () => Date.now(),
    random: () => 0,
  });
  running = loop.run(abort.signal);
  return loop;
}

async function append(count: number, value?: Uint8Array): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await log.append(TOPIC_LOGS, [
      {
        key: 'd1',
        value: value ?? logsRequest([logRecord('d1', 1_000)]),
        headers: { [HEADER_BATCH_ID]: `b${Math.random()}` },
      },
    ]);
  }
}

const offsets = () => loader.stored.flatMap((range) => range.offsets);

describe('IngestLoop', () => {
  it('stores ranges in order and leaves nothing pending', async () => {
    await append(5);
    run();
    await vi.waitFor(() => expect(offsets()).toEqual([0, 1, 2, 3, 4]));
    expect(loader.stored.map((r) => r.offsets.length)).toEqual([2, 2, 1]);
    await vi.waitFor(async () =>
      expect(await consumer.committed(AT)).toEqual({ offset: 5, metadata: '' }),
    );
  });

  it('commits a range as pending before it stores any of it', async () => {
    await append(2);
    let committed: unknown;
    vi.spyOn(loader, 'store').mockImplementation(async () => {
      committed = await consumer.committed(AT);
    });
    run();
    await vi.waitFor(() => expect(committed).toEqual(pendingPosition({ start: 0, end: 2 })));
  });

  it('tries again what fails, skips nothing, and says that it is blocked', async () => {
    await append(4);
    loader.failures = 2;
    const loop = run();
    await vi.waitFor(() => expect(loop.blockedBy).toContain('no warehouse'));
    await vi.waitFor(() => expect(offsets()).toEqual([0, 1, 2, 3]), { timeout: 5_000 });
    expect(loader.stored.map((r) => r.isRepeat)).toEqual([true, false]);
    await vi.waitFor(() => expect(loop.blockedBy).toBeNull());
  });

  it('repeats exactly the range a former process began', async () => {
    await append(5);
    await consumer.commit(AT, pendingPosition({ start: 1, end: 4 }));
    run();
    await vi.waitFor(() => expect(offsets()).toEqual([1, 2, 3, 4]));
    expect(loader.stored).toEqual([
      { offsets: [1, 2, 3], isRepeat: true },
      { offsets: [4], isRepeat: false },
    ]);
  });

  it('ends when another member took over', async () => {
    await append(1);
    vi.spyOn(consumer, 'commit').mockRejectedValue(new GroupLostError('taken'));
    run();
    await expect(running).rejects.toThrow(GroupLostError);
    expect(loader.stored).toEqual([]);
  });

  it('goes on past poison', async () => {
    await append(1, Uint8Array.of(0xff));
    await append(1);
    run(10);
    await vi.waitFor(() => expect(offsets()).toEqual([1]));
    await vi.waitFor(async () => expect((await consumer.committed(AT))?.offset).toBe(2));
  });

  it('keeps a partition until the log takes its dead letters again', async () => {
    await append(1, Uint8Array.of(0xff));
    const plain = log.append.bind(log);
    let isFull = true;
    vi.spyOn(log, 'append').mockImplementation(async (topic, records) => {
      if (topic === TOPIC_DEAD_LETTERS && isFull) throw new LogFullError('full');
      return plain(topic, records);
    });
    const loop = run(10);
    await vi.waitFor(() => expect(loop.blockedBy).toContain('dead-letter otlp_logs/0'));
    expect(await consumer.committed(AT)).toEqual(pendingPosition({ start: 0, end: 1 }));
    isFull = false;
    await vi.waitFor(
      async () => expect(await consumer.committed(AT)).toEqual({ offset: 1, metadata: '' }),
      { timeout: 10_000 },
    );
    const letters = await log.consumer('test', [TOPIC_DEAD_LETTERS]);
    const at = { topic: TOPIC_DEAD_LETTERS, partition: 0 };
    expect(await letters.endOffset(at)).toBe(1);
  });

  it('encodes one range ahead of a stalled warehouse, and no more', async () => {
    await append(1_000);
    let release = (): void => undefined;
    vi.spyOn(loader, 'store').mockImplementation(
      () => new Promise((resolve) => (release = resolve)),
    );
    const read = vi.spyOn(consumer, 'read');
    run(10);
    await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
    // Rounds go on meanwhile.
    const ends = vi.spyOn(consumer, 'assignment');
    await vi.waitFor(() => expect(ends.mock.calls.length).toBeGreaterThan(5));
    expect(read).toHaveBeenCalledTimes(2);
    expect(await consumer.committed(AT)).toEqual(pendingPosition({ start: 0, end: 10 }));
    abort.abort();
    release();
  });

  it('forgets a partition it lost while storing, and repeats what is pending when it is back', async () => {
    await append(4);
    let assigned = [AT];
    let asked = 0;
    vi.spyOn(consumer, 'assignment').mockImplementation(async () => {
      if (assigned.length === 0) asked += 1;
      return assigned;
    });
    const store = loader.store.bind(loader);
    let release = (): void => undefined;
    const stalled = vi
      .spyOn(loader, 'store')
      .mockImplementation(
        () => new Promise((_, reject) => (release = () => reject(new Error('cut off')))),
      );
    const loop = run(2);
    await vi.waitFor(() => expect(stalled).toHaveBeenCalledTimes(1));
    assigned = [];
    await vi.waitFor(() => expect(asked).toBeGreaterThan(1));
    release();
    stalled.mockImplementation(store);
    // The other member found [0, 2) pending, finished it, and began [2, 3).
    await consumer.commit(AT, pendingPosition({ start: 2, end: 3 }));
    assigned = [AT];
    await vi.waitFor(() =>
      expect(loader.stored).toEqual([
        { offsets: [2], isRepeat: true },
        { offsets: [3], isRepeat: false },
      ]),
    );
    expect(loop.blockedBy).toBeNull();
  });

  it('goes on with the others when a commit tells that a partition is lost', async () => {
    await append(2);
    let lost = true;
    const commit = consumer.commit.bind(consumer);
    const commits = vi.spyOn(consumer, 'commit').mockImplementation(async (at, position) => {
      if (lost) throw new PartitionLostError('moved');
      return commit(at, position);
    });
    run();
    await vi.waitFor(() => expect(commits.mock.calls.length).toBeGreaterThan(0));
    expect(loader.stored).toEqual([]);
    lost = false;
    await vi.waitFor(() => expect(offsets()).toEqual([0, 1]), { timeout: 10_000 });
  });

  it('stops at an abort in the middle of a failing insert, with the range still pending', async () => {
    await append(2);
    loader.failures = 1_000;
    const loop = run();
    await vi.waitFor(() => expect(loop.blockedBy).not.toBeNull());
    abort.abort();
    await running;
    expect(await consumer.committed(AT)).toEqual(pendingPosition({ start: 0, end: 2 }));
  });
});
