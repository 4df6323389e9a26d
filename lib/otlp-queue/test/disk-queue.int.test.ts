import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createLogger } from '@flotilla/service';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskQueue, type QueueLimits } from '../src/disk-queue.ts';
import { QueueOpenError } from '../src/queue-database.ts';

const logger = createLogger('test', 'silent');
const bytes = (length: number, fill = 1) => new Uint8Array(length).fill(fill);

let folder: string;
let file: string;
let nowMs: number;
let open: DiskQueue[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-queue-'));
  file = join(folder, 'telemetry-queue.db');
  nowMs = 1_800_000_000_000;
  open = [];
});
afterEach(() => {
  for (const queue of open) queue.close();
  rmSync(folder, { recursive: true });
});

function openQueue(limits: Partial<QueueLimits> = {}): DiskQueue {
  const queue = new DiskQueue({ folder, logger, limits, clock: () => nowMs });
  open.push(queue);
  return queue;
}
function close(queue: DiskQueue): void {
  queue.close();
  open = open.filter((other) => other !== queue);
}
function sizes(queue: DiskQueue): number[] {
  const seen: number[] = [];
  for (let item = queue.oldest(); item !== undefined; item = queue.oldest()) {
    seen.push(item.body.length);
    queue.acknowledge(item.id);
  }
  return seen;
}

describe('DiskQueue', () => {
  it('gives back what was put in, oldest first, until acknowledged', () => {
    const queue = openQueue();
    const first = queue.enqueue('/v1/logs', bytes(3, 7));
    nowMs += 5;
    queue.enqueue('/v1/metrics', bytes(4, 8));
    const oldest = queue.oldest();
    expect(oldest).toMatchObject({
      path: '/v1/logs',
      body: bytes(3, 7),
      createdAtMs: 1_800_000_000_000,
    });
    expect(first).toEqual({ queued: true, batchId: oldest!.batchId });
    expect(queue.oldest()).toEqual(oldest);
    expect([queue.items, queue.sizeBytes]).toEqual([2, 7]);
    queue.acknowledge(oldest!.id);
    expect(queue.oldest()).toMatchObject({ path: '/v1/metrics', createdAtMs: 1_800_000_000_005 });
    expect([queue.items, queue.sizeBytes]).toEqual([1, 4]);
  });

  it('keeps items, batch ids and drop counts over a restart', () => {
    const before = openQueue({ maxBytes: 10 });
    before.enqueue('/v1/logs', bytes(6));
    before.enqueue('/v1/logs', bytes(7));
    const item = before.oldest();
    close(before);
    const after = openQueue({ maxBytes: 10 });
    expect(after.oldest()).toEqual(item);
    expect([after.items, after.sizeBytes]).toEqual([1, 7]);
    expect(after.dropped()).toEqual({ bytes: 1, age: 0, refused: 0, unwritable: 0 });
  });

  it('gives up the oldest when full, and only as many as it must', () => {
    const queue = openQueue({ maxBytes: 100 });
    for (const size of [40, 30, 30]) queue.enqueue('/v1/logs', bytes(size));
    queue.enqueue('/v1/logs', bytes(41));
    expect(queue.dropped().bytes).toBe(2);
    expect(sizes(queue)).toEqual([30, 41]);
  });

  it('refuses what is larger than the whole queue and keeps the rest', () => {
    const queue = openQueue({ maxBytes: 100 });
    queue.enqueue('/v1/logs', bytes(10));
    expect(queue.enqueue('/v1/logs', bytes(101))).toEqual({ queued: false, reason: 'bytes' });
    expect(queue.enqueue('/v1/logs', bytes(90)).queued).toBe(true);
    expect(queue.dropped().bytes).toBe(1);
    expect(sizes(queue)).toEqual([10, 90]);
  });

  it('gives up what is too old, both when asked for it and when adding', () => {
    const queue = openQueue({ maxAgeMs: 1000 });
    queue.enqueue('/v1/logs', bytes(1));
    nowMs += 600;
    queue.enqueue('/v1/logs', bytes(2));
    nowMs += 400;
    expect(queue.oldest()!.body).toHaveLength(1);
    nowMs += 1;
    expect(queue.oldest()!.body).toHaveLength(2);
    expect(queue.dropped().age).toBe(1);
    nowMs += 1000;
    queue.enqueue('/v1/logs', bytes(3));
    expect(queue.dropped().age).toBe(2);
    expect(sizes(queue)).toEqual([3]);
  });

  it('gives up what is under way only when nothing else is left', () => {
    const queue = openQueue({ maxBytes: 10, maxAgeMs: 1000 });
    const held = () => queue.oldestItems(9).map(({ body }) => body.length);
    for (const size of [1, 2, 3, 4]) queue.enqueue('/v1/logs', bytes(size));
    const ids = queue.takeOldest(2).map(({ id }) => id);
    queue.enqueue('/v1/logs', bytes(5));
    expect(held()).toEqual([1, 2, 5]);
    nowMs += 1001;
    queue.enqueue('/v1/logs', bytes(6));
    expect(held()).toEqual([1, 2, 6]);
    expect(queue.dropped()).toMatchObject({ bytes: 2, age: 1 });
    queue.settle(ids.slice(0, 1), []);
    // The other one may give way again, and is too old.
    queue.enqueue('/v1/logs', bytes(1));
    expect(held()).toEqual([6, 1]);
    expect(queue.dropped()).toMatchObject({ bytes: 2, age: 2 });
    queue.takeOldest(2);
    queue.enqueue('/v1/logs', bytes(9));
    expect(held()).toEqual([1, 9]);
  });

  it('does not take for old what was queued before the clock was set', () => {
    nowMs = 60_000;
    const queue = openQueue();
    queue.enqueue('/v1/logs', bytes(1));
    nowMs = 1_800_000_000_000;
    queue.enqueue('/v1/logs', bytes(2));
    expect(sizes(queue)).toEqual([1, 2]);
    expect(queue.dropped().age).toBe(0);
  });

  it('counts a refusal once, and a late acknowledgement hits no other item', () => {
    const queue = openQueue({ maxBytes: 10 });
    queue.enqueue('/v1/logs', bytes(6));
    const { id } = queue.oldest()!;
    queue.refuse(id);
    queue.refuse(id);
    expect(queue.dropped().refused).toBe(1);
    queue.enqueue('/v1/logs', bytes(7));
    queue.acknowledge(id);
    expect(queue.items).toBe(1);
  });

  it('tells its listeners after the item is there', () => {
    const queue = openQueue();
    const seen: number[] = [];
    queue.onEnqueued(() => seen.push(queue.items));
    queue.enqueue('/v1/logs', bytes(1));
    queue.enqueue('/v1/logs', bytes(1));
    expect(seen).toEqual([1, 2]);
  });

  it('reuses the space of what was sent', () => {
    const queue = openQueue();
    const fill = () => {
      for (let n = 0; n < 100; n += 1) queue.enqueue('/v1/logs', bytes(5000));
    };
    for (let round = 0; round < 6; round += 1) {
      fill();
      sizes(queue);
    }
    close(queue);
    // 3 MB went through, never more than 0.5 MB at a time.
    expect(statSync(file).size).toBeLessThan(1_000_000);
  });
});

describe('DiskQueue against a model', () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('enqueue' as const), size: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ kind: fc.constant('acknowledge' as const) }),
    fc.record({ kind: fc.constant('refuse' as const) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 700 }) }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  );

  it('behaves like a list with a bound', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const limits = { maxBytes: 100, maxAgeMs: 1000 };
        let queue = openQueue(limits);
        for (let item = queue.oldest(); item; item = queue.oldest()) queue.acknowledge(item.id);
        const start = queue.dropped();
        let model: { size: number; atMs: number }[] = [];
        const drops = { bytes: 0, age: 0, refused: 0 };
        const expire = () => {
          while (model[0] !== undefined && nowMs - model[0].atMs > limits.maxAgeMs) {
            model.shift();
            drops.age += 1;
          }
        };
        const total = () => model.reduce((sum, { size }) => sum + size, 0);
        for (const op of operations) {
          if (op.kind === 'enqueue') {
            // Now and then one that can never fit.
            const size = op.size === 60 ? 101 : op.size;
            queue.enqueue('/v1/logs', bytes(size));
            if (size > limits.maxBytes) drops.bytes += 1;
            else {
              expire();
              while (total() + size > limits.maxBytes) {
                model.shift();
                drops.bytes += 1;
              }
              model = [...model, { size, atMs: nowMs }];
            }
          } else if (op.kind === 'wait') nowMs += op.ms;
          else if (op.kind === 'reopen') {
            close(queue);
            queue = openQueue(limits);
          } else {
            const item = queue.oldest();
            expire();
            expect(item?.body.length).toBe(model[0]?.size);
            expect(item?.createdAtMs).toBe(model[0]?.atMs);
            if (item === undefined) continue;
            queue[op.kind](item.id);
            model.shift();
            if (op.kind === 'refuse') drops.refused += 1;
          }
          expect([queue.items, queue.sizeBytes]).toEqual([model.length, total()]);
          const { bytes: full, age, refused } = queue.dropped();
          expect({
            bytes: full - start.bytes,
            age: age - start.age,
            refused: refused - start.refused,
          }).toEqual(drops);
        }
        close(queue);
      }),
      { numRuns: 40 },
    );
  });
});

describe('DiskQueue on a damaged file', () => {
  const asideIsKept = () => expect(readdirSync(folder)).toContain('telemetry-queue.db.corrupt');

  it.each([
    ['garbage', () => writeFileSync(file, 'this is not a database'.repeat(500))],
    ['half of itself', () => truncateSync(file, Math.floor(statSync(file).size / 2))],
    [
      'zeros in its middle',
      () => {
        const handle = openSync(file, 'r+');
        writeSync(handle, bytes(8192, 0), 0, 8192, 4096);
        closeSync(handle);
      },
    ],
    [
      'a later schema',
      () => {
        const database = new DatabaseSync(file);
        database.exec('PRAGMA user_version = 99');
        database.close();
      },
    ],
  ])('moves it aside when it holds %s, and works', (_name, damage) => {
    const before = openQueue();
    for (let n = 0; n < 20; n += 1) before.enqueue('/v1/logs', bytes(3000));
    close(before);
    damage();
    const after = openQueue();
    asideIsKept();
    expect(after.items).toBe(0);
    after.enqueue('/v1/logs', bytes(5));
    expect(sizes(after)).toEqual([5]);
  });

  it('keeps one damaged file, not a pile of them', () => {
    for (let round = 0; round < 3; round += 1) {
      writeFileSync(file, `garbage of round ${round}`.repeat(200));
      close(openQueue());
    }
    expect(readdirSync(folder).filter((name) => name.includes('corrupt'))).toHaveLength(1);
  });

  it('recovers when the file is damaged while in use', () => {
    const queue = openQueue();
    for (let n = 0; n < 50; n += 1) queue.enqueue('/v1/logs', bytes(3000));
    // Put everything into the main file, then destroy it behind the queue's back.
    const other = new DatabaseSync(file);
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    const handle = openSync(file, 'r+');
    writeSync(handle, bytes(statSync(file).size - 100, 0xee), 0, undefined, 100);
    closeSync(handle);
    let taken = 0;
    for (let n = 0; n < 50; n += 1) {
      for (let item = queue.oldest(); item; item = queue.oldest()) queue.acknowledge(item.id);
      if (queue.enqueue('/v1/logs', bytes(3000)).queued) taken += 1;
    }
    expect(taken).toBe(50);
    asideIsKept();
    expect(sizes(queue)).toEqual([3000]);
  });

  it('says so when the folder cannot hold a queue', () => {
    writeFileSync(join(folder, 'taken'), '');
    expect(() => new DiskQueue({ folder: join(folder, 'taken'), logger })).toThrow(QueueOpenError);
  });
});
