import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskQueue } from '../src/disk-queue.ts';

const logger = createLogger('test', 'silent');
const body = Uint8Array.of(1, 2, 3);
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-queue-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a queue of version 1', () => {
  it('keeps its items and its counts', () => {
    const old = new DatabaseSync(join(folder, 'telemetry-queue.db'));
    old.exec(`
      CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, batch_id TEXT NOT NULL,
        path TEXT NOT NULL, created_at_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
      CREATE TABLE drops (reason TEXT PRIMARY KEY, items INTEGER NOT NULL) STRICT;
      INSERT INTO items (batch_id, path, created_at_ms, body) VALUES ('b-1', '/v1/logs', 5, x'010203');
      INSERT INTO drops (reason, items) VALUES ('age', 4);
      PRAGMA user_version = 1`);
    old.close();
    const queue = new DiskQueue({ folder, logger, clock: () => 10 });
    expect(queue.oldest()).toMatchObject({ batchId: 'b-1', path: '/v1/logs', entries: 0 });
    expect(Buffer.compare(queue.oldest()!.body, body)).toBe(0);
    expect(queue.dropped().age).toBe(4);
    queue.close();
  });
});

describe('what a queue counts and marks', () => {
  it('knows what was lost, by reason and signal', () => {
    const queue = new DiskQueue({ folder, logger, limits: { maxBytes: 10 } });
    queue.enqueue('/v1/metrics', new Uint8Array(6), 30);
    queue.enqueue('/v1/logs', new Uint8Array(6), 7);
    queue.enqueue('/v1/logs', new Uint8Array(11), 5);
    queue.refuse(queue.oldest()!.id);
    queue.countUnwritable('/v1/metrics', 2);
    const none = { metrics: 0, logs: 0, traces: 0 };
    expect(queue.lost()).toEqual({
      bytes: { metrics: 30, logs: 5, traces: 0 },
      age: none,
      refused: { ...none, logs: 7 },
      unwritable: { ...none, metrics: 2 },
    });
    expect(queue.dropped()).toEqual({ bytes: 2, age: 0, refused: 1, unwritable: 1 });
    queue.close();
  });

  it('keeps a mark with what was moved under it', () => {
    const queue = new DiskQueue({ folder, logger });
    expect(queue.mark('journal')).toBeNull();
    const request = { path: '/v1/logs', body, entries: 1 } as const;
    queue.enqueueAll([{ ...request, batchId: 'given' }, request], { name: 'journal', value: '7' });
    queue.enqueueAll([], { name: 'journal', value: '9' });
    queue.close();
    const again = new DiskQueue({ folder, logger });
    expect(again.mark('journal')).toBe('9');
    expect(again.oldestItems(5).map(({ batchId }) => batchId)[0]).toBe('given');
    expect(again.items).toBe(2);
    again.enqueueAll([], { name: 'journal', value: null });
    expect(again.mark('journal')).toBeNull();
    again.close();
  });
});
