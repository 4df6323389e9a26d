import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskQueue, type QueueLimits } from '../src/disk-queue.ts';
import type { Post } from '../src/otlp-http-post.ts';
import { QueueSender } from '../src/queue-sender.ts';
import { startFakeCollector, type FakeCollector } from '../src/testing/fake-collector.ts';

const THREE_DAYS_MS = 3 * 24 * 3600 * 1000;
const POINTS = 25;
const STARTED_AT_MS = Date.UTC(2026, 0, 1);
const MAX_IN_FLIGHT = 8;
const logger = createLogger('test', 'silent');

let folder: string;
let collector: FakeCollector;
beforeEach(async () => {
  // Three days of commits: memory in place of a disk, since its speed is not the question.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'flotilla-offline-'));
  collector = await startFakeCollector();
});
afterEach(async () => {
  await collector.close();
  rmSync(folder, { recursive: true });
});

/** A device without a network: a batch every `stepMs` of its clock. */
function goOffline(stepMs: number, limits: QueueLimits): DiskQueue {
  let nowMs = STARTED_AT_MS;
  const queue = new DiskQueue({ folder, logger, limits, clock: () => nowMs });
  const body = Buffer.alloc(100);
  for (let n = 0; n < THREE_DAYS_MS / stepMs; n += 1) {
    nowMs = STARTED_AT_MS + n * stepMs;
    body.writeUInt32LE(n);
    queue.enqueue('/v1/metrics', body, POINTS);
  }
  return queue;
}

/** Sends everything to the fake collector, or through `post`. */
async function drain(queue: DiskQueue, post?: Post): Promise<void> {
  const policy = { baseDelayMs: 1, maxDelayMs: 1, slowDelayMs: 1 };
  const sender = new QueueSender({
    queue,
    collectorUrl: collector.url,
    token: 't',
    logger,
    policy,
    maxInFlight: MAX_IN_FLIGHT,
    ...(post !== undefined && { post }),
  });
  sender.start();
  await expect.poll(() => queue.items, { timeout: 55_000, interval: 50 }).toBe(0);
  await sender.stop(1000);
}

const numberOf = (body: Uint8Array) => Buffer.from(body).readUInt32LE();

/** Pushes back now and then, and remembers what it took, without the cost of 26,000 connections' work. */
function inProcessCollector() {
  const taken: number[] = [];
  const batchIds: string[] = [];
  const post: Post = async ({ body, batchId }) => {
    batchIds.push(batchId);
    const status = batchIds.length % 500 === 0 ? 429 : 200;
    await new Promise(setImmediate);
    if (status === 200) taken.push(numberOf(body));
    const observation = { kind: 'response', status, retryAfterMs: null } as const;
    return { observation, answer: new Uint8Array(), contentType: null };
  };
  return { taken, batchIds, post };
}

/** Oldest first: nothing arrives ahead of what was not yet under way with it. */
function expectOldestFirst(numbers: readonly number[]): void {
  const sorted = [...numbers].sort((a, b) => a - b);
  const furthest = numbers.reduce(
    (most, n, index) =>
      Math.max(most, Math.abs(index - sorted.indexOf(n, Math.max(0, index - 50)))),
    0,
  );
  expect(furthest).toBeLessThan(2 * MAX_IN_FLIGHT);
}

describe('three days offline', () => {
  it('loses nothing that the bound has room for', async () => {
    const stepMs = 30_000;
    const batches = THREE_DAYS_MS / stepMs;
    const queue = goOffline(stepMs, { maxBytes: batches * 100, maxAgeMs: THREE_DAYS_MS });
    expect(queue.items).toBe(batches);
    expect(queue.dropped()).toEqual({ bytes: 0, age: 0, refused: 0, unwritable: 0 });
    const { taken: numbers, batchIds, post } = inProcessCollector();
    await drain(queue, post);
    expect(new Set(numbers).size).toBe(batches);
    expect(numbers).toHaveLength(batches);
    expectOldestFirst(numbers);
    // Every repeat carried the batch id of its first attempt.
    expect(new Set(batchIds).size).toBe(batches);
    expect(batchIds.length).toBeGreaterThan(batches);
    queue.close();
  });

  it('gives up the oldest beyond the bound, and counts each one', async () => {
    const stepMs = 60_000;
    const batches = THREE_DAYS_MS / stepMs;
    const kept = 500;
    const queue = goOffline(stepMs, { maxBytes: kept * 100, maxAgeMs: THREE_DAYS_MS / 3 });
    const dropped = queue.dropped();
    expect(queue.items).toBe(kept);
    expect(dropped.bytes + dropped.age + queue.items).toBe(batches);
    await drain(queue);
    const numbers = collector.accepted.map(({ body }) => numberOf(body));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: kept }, (_, n) => batches - kept + n),
    );
    expect(queue.lost().bytes.metrics).toBe(dropped.bytes * POINTS);
    expect((numbers.length + dropped.bytes + dropped.age) * POINTS).toBe(batches * POINTS);
    queue.close();
  });

  it('gives up by age what is older than the bound', () => {
    const stepMs = 60_000;
    const batches = THREE_DAYS_MS / stepMs;
    const hourMs = 3_600_000;
    const queue = goOffline(stepMs, { maxBytes: batches * 100, maxAgeMs: hourMs });
    const kept = hourMs / stepMs + 1;
    expect(queue.items).toBe(kept);
    expect(queue.dropped()).toEqual({ bytes: 0, age: batches - kept, refused: 0, unwritable: 0 });
    expect(queue.lost().age.metrics).toBe((batches - kept) * POINTS);
    queue.close();
  });
});
