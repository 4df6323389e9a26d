import { HEADER_BATCH_ID, TOPIC_DEAD_LETTERS, TOPIC_LOGS } from '@flotilla/contracts';
import {
  GroupLostError,
  HEADER_UNREADABLE_BATCH,
  LogFullError,
  OffsetBeyondEndError,
  PartitionLostError,
  type LogConsumer,
} from '@flotilla/event-log';
import { MemoryEventLog } from '@flotilla/event-log/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { IngestLoop } from '../../src/consume/ingest-loop.ts';
import { donePosition, pendingPosition } from '../../src/consume/pending-range.ts';
import type { RangeBatch } from '../../src/consume/range-batch.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';
import { ingestHarness, type HarnessOptions } from './ingest-harness.ts';

const AT = { topic: TOPIC_LOGS, partition: 0 };

/** A loader that remembers what it was given, and fails as often as told. */
class FakeLoader {
  readonly stored: { readonly offsets: number[]; readonly isRepeat: boolean }[] = [];
  failures = 0;
  async store({ ranges, isRepeat }: RangeBatch): Promise<void> {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('no warehouse');
    }
    const batches = ranges.flatMap((range) => range.batches);
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

function start(more: Partial<HarnessOptions> = {}) {
  const harness = ingestHarness({ consumer, loader, log, ...more });
  running = harness.loop.run(abort.signal);
  return harness;
}
const run = (maxRows = 2): IngestLoop => start({ maxRows }).loop;

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
    await vi.waitFor(() => expect(offsets()).toEqual([0, 1, 2, 3]));
    expect(loader.stored.map((r) => r.isRepeat)).toEqual([true, false]);
    await vi.waitFor(() => expect(loop.blockedBy).toBeNull());
  });

  it('says by name that its offset lies beyond the end', async () => {
    const words = 'offset 1000 lies beyond the end, 1';
    vi.spyOn(consumer, 'committed').mockRejectedValue(new OffsetBeyondEndError(words));
    const loop = run();
    await vi.waitFor(() => expect(loop.blockedBy).toContain(`OffsetBeyondEndError: ${words}`));
  });

  it('sets a batch that cannot be read aside with its reason, counts it, and goes on', async () => {
    const headers = { [HEADER_UNREADABLE_BATCH]: 'its checksum is wrong' };
    await log.append(TOPIC_LOGS, [{ key: 'd1', value: Uint8Array.of(0, 1), headers }]);
    await append(1);
    const { metrics } = start();
    await vi.waitFor(() => expect(offsets()).toEqual([1]));
    const letters = await log.consumer('letters', [TOPIC_DEAD_LETTERS]);
    const dead = { topic: TOPIC_DEAD_LETTERS, partition: 0 };
    await vi.waitFor(async () => {
      const [letter] = await letters.read(dead, 0, { maxRecords: 9, maxBytes: 1e6 });
      expect(letter).toMatchObject({
        value: Uint8Array.of(0, 1),
        headers: {
          'flotilla-dead-letter-code': 'batch_unreadable',
          'flotilla-dead-letter-reason': 'its checksum is wrong',
        },
      });
    });
    await vi.waitFor(async () =>
      expect(await metrics.registry.metrics()).toContain('code="batch_unreadable"} 1'),
    );
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

  it('ends when it is out of the group', async () => {
    await append(1);
    vi.spyOn(consumer, 'commit').mockRejectedValue(new GroupLostError('taken'));
    run();
    await expect(running).rejects.toThrow(GroupLostError);
    expect(loader.stored).toEqual([]);
  });

  it('survives a log that cannot be asked for a while', async () => {
    await append(1);
    vi.spyOn(consumer, 'assignment').mockRejectedValueOnce(new Error('away'));
    vi.spyOn(consumer, 'committed').mockRejectedValueOnce(new Error('away'));
    vi.spyOn(consumer, 'read').mockRejectedValueOnce(new Error('away'));
    vi.spyOn(consumer, 'wait').mockRejectedValueOnce(new Error('away'));
    const loop = run();
    await vi.waitFor(async () =>
      expect(await consumer.committed(AT)).toEqual(donePosition({ start: 0, end: 1 })),
    );
    expect(loader.stored).toEqual([{ offsets: [0], isRepeat: false }]);
    await vi.waitFor(() => expect(loop.blockedBy).toBeNull());
  });

  it('goes on with other partitions while one fails', async () => {
    log = new MemoryEventLog({ partitions: 2 });
    consumer = await log.consumer('pipeline', [TOPIC_LOGS]);
    const value = logsRequest([logRecord('d1', 1_000)]);
    for (let i = 0; i < 40; i += 1) {
      await log.append(TOPIC_LOGS, [
        { key: `d${i}`, value, headers: { [HEADER_BATCH_ID]: `b${i}` } },
      ]);
    }
    const ends = await Promise.all([0, 1].map((p) => consumer.endOffset({ ...AT, partition: p })));
    const store = loader.store.bind(loader);
    vi.spyOn(loader, 'store').mockImplementation(async (batch) => {
      const isBad = batch.ranges.some(({ partition }) => partition.partition === 0);
      if (isBad) throw new Error('a row it does not take');
      return store(batch);
    });
    const loop = run();
    await vi.waitFor(() => expect(offsets()).toHaveLength(ends[1]!));
    expect(loop.blockedBy).toContain('insert otlp_logs/0');
  });

  it('goes on past poison', async () => {
    await append(1, Uint8Array.of(0xff));
    await append(1);
    run(10);
    await vi.waitFor(() => expect(offsets()).toEqual([1]));
    await vi.waitFor(async () => expect((await consumer.committed(AT))?.offset).toBe(2));
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
    const rounds = vi.spyOn(consumer, 'assignment');
    await vi.waitFor(() => expect(rounds.mock.calls.length).toBeGreaterThan(5));
    expect(read).toHaveBeenCalledTimes(2);
    expect(await consumer.committed(AT)).toEqual(pendingPosition({ start: 0, end: 10 }));
    abort.abort();
    release();
  });

  it('goes on with others when a commit tells that a partition is lost', async () => {
    await append(2);
    const commits = vi
      .spyOn(consumer, 'commit')
      .mockRejectedValueOnce(new PartitionLostError('moved'));
    run();
    await vi.waitFor(() => expect(commits).toHaveBeenCalledTimes(3));
    const range = { start: 0, end: 2 };
    expect(commits.mock.calls.map(([, position]) => position)).toEqual([
      pendingPosition(range),
      pendingPosition(range),
      donePosition(range),
    ]);
    expect(loader.stored).toEqual([{ offsets: [0, 1], isRepeat: false }]);
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

  it('finishes at an abort what is being stored, so that nothing is repeated', async () => {
    await append(4);
    const { promise, resolve } = Promise.withResolvers<void>();
    const store = vi.spyOn(loader, 'store').mockReturnValue(promise);
    run();
    await vi.waitFor(() => expect(store).toHaveBeenCalledTimes(1));
    abort.abort();
    resolve();
    await running;
    expect(await consumer.committed(AT)).toEqual(donePosition({ start: 0, end: 2 }));
    expect(store).toHaveBeenCalledTimes(1);
  });
});

describe('ranges of several partitions', () => {
  const at = (partition: number) => ({ topic: TOPIC_LOGS, partition });
  let ends: number[];
  let batches: RangeBatch[];
  const shared = () => batches.filter(({ insert }) => insert !== null);
  const positions = () => Promise.all([0, 1].map((p) => consumer.committed(at(p))));

  beforeEach(async () => {
    log = new MemoryEventLog({ partitions: 2 });
    consumer = await log.consumer('pipeline', [TOPIC_LOGS]);
    const value = logsRequest([logRecord('d1', 1_000)]);
    for (let i = 0; i < 20; i += 1) {
      await log.append(TOPIC_LOGS, [
        { key: `d${i}`, value, headers: { [HEADER_BATCH_ID]: `b${i}` } },
      ]);
    }
    ends = await Promise.all([0, 1].map((p) => consumer.endOffset(at(p))));
    batches = [];
  });
  /** Stores all, after `meanwhile`. */
  const storing = (meanwhile: (batch: RangeBatch) => Promise<void>) => ({
    async store(batch: RangeBatch): Promise<void> {
      batches.push(batch);
      await meanwhile(batch);
    },
  });

  it('are stored together, under a name that stands beside each position', async () => {
    const during: unknown[] = [];
    const loader = storing(async () => void during.push(await positions()));
    start({ loader, maxRows: 100 });
    await vi.waitFor(async () =>
      expect(await positions()).toEqual(ends.map((end) => donePosition({ start: 0, end }))),
    );
    expect(batches.map(({ ranges }) => ranges.length)).toEqual([2]);
    const pending = ends.map((end) => pendingPosition({ start: 0, end }, 'insert-1'));
    expect(during).toEqual([pending]);
  });

  it('are repeated one by one after a failure, under the name they had', async () => {
    let failures = 1;
    const loader = storing(async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('no warehouse');
    });
    start({ loader, maxRows: 100 });
    await vi.waitFor(async () =>
      expect(await positions()).toEqual(ends.map((end) => donePosition({ start: 0, end }))),
    );
    expect(batches.map(({ ranges }) => ranges.length)).toEqual([2, 1, 1]);
    expect(batches.map(({ isRepeat }) => isRepeat)).toEqual([false, true, true]);
    expect(batches.map(({ insert }) => insert)).toEqual(Array(3).fill('insert-1'));
  });

  it('keep the name of an insert that a former process began', async () => {
    await consumer.commit(at(0), pendingPosition({ start: 0, end: 1 }, 'of old'));
    start({ loader: storing(() => Promise.resolve()), maxRows: 100 });
    await vi.waitFor(async () =>
      expect((await positions()).map((position) => position?.offset)).toEqual(ends),
    );
    const repeats = batches.filter(({ isRepeat }) => isRepeat);
    expect(repeats.map(({ insert, ranges }) => [insert, ranges[0]?.range])).toEqual([
      ['of old', { start: 0, end: 1 }],
    ]);
  });

  it('do not count as stored when one went to another member meanwhile', async () => {
    const commit = consumer.commit.bind(consumer);
    const commits: [number, string][] = [];
    let isLost = false;
    vi.spyOn(consumer, 'commit').mockImplementation(async (partition, position) => {
      if (isLost && partition.partition === 0) throw new PartitionLostError('moved');
      commits.push([partition.partition, position.metadata]);
      await commit(partition, position);
    });
    // The other member has used the insert's token up for the rows of partition 0 alone.
    const loader = storing(async ({ isRepeat }) => {
      isLost = true;
      if (!isRepeat) expect(commits).toHaveLength(2);
      else expect(commits.map(([, metadata]) => metadata)).not.toContain('');
    });
    start({ loader, maxRows: 100 });
    await vi.waitFor(async () =>
      expect(await consumer.committed(at(1))).toEqual(donePosition({ start: 0, end: ends[1]! })),
    );
    expect(shared().map(({ isRepeat, ranges }) => [isRepeat, ranges.length])).toEqual([
      [false, 2],
      [true, 1],
    ]);
    expect(batches[1]?.ranges[0]?.partition).toEqual(at(1));
    expect(await consumer.committed(at(0))).toEqual(
      pendingPosition({ start: 0, end: ends[0]! }, 'insert-1'),
    );
  });
});

describe('a dead letter that the log does not take', () => {
  const refuse = (times: number) => {
    const plain = log.append.bind(log);
    let left = times;
    return vi.spyOn(log, 'append').mockImplementation(async (topic, records) => {
      if (topic !== TOPIC_DEAD_LETTERS) return plain(topic, records);
      left -= 1;
      if (left >= 0) throw new LogFullError('full');
      return plain(topic, records);
    });
  };
  const letters = async () => {
    const reader = await log.consumer('test', [TOPIC_DEAD_LETTERS]);
    return reader.endOffset({ topic: TOPIC_DEAD_LETTERS, partition: 0 });
  };

  it('holds its partition where there is no spool, and is written once the log takes it', async () => {
    await append(1, Uint8Array.of(0xff));
    refuse(1);
    const loop = run(10);
    await vi.waitFor(() => expect(loop.blockedBy).toContain('insert otlp_logs/0 failed 1 times'));
    expect(await consumer.committed(AT)).toEqual(pendingPosition({ start: 0, end: 1 }));
    await vi.waitFor(async () =>
      expect(await consumer.committed(AT)).toEqual(donePosition({ start: 0, end: 1 })),
    );
    expect(await letters()).toBe(1);
  });

  it('goes to the spool, and the partition goes on', async () => {
    await append(1, Uint8Array.of(0xff));
    await append(1);
    refuse(Infinity);
    const spool = { put: vi.fn(() => Promise.resolve()) };
    const { loop, metrics } = start({ maxRows: 10, spool });
    await vi.waitFor(async () => expect((await consumer.committed(AT))?.offset).toBe(2));
    expect(offsets()).toEqual([1]);
    expect(loop.blockedBy).toBeNull();
    expect(await letters()).toBe(0);
    const letter = { key: 'd1', value: Uint8Array.of(0xff) };
    const named = ['otlp_logs-0-0000000000000000', expect.objectContaining(letter)] as const;
    expect(spool.put.mock.calls).toEqual([[...named, expect.any(Number)]]);
    expect(await metrics.registry.metrics()).toContain('dead_letters_total{topic="otlp_logs"');
  });
});
