import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DiskQueue } from '../src/disk-queue.ts';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../src/domain/send-decision.ts';
import { QueueSender } from '../src/queue-sender.ts';
import {
  startFakeCollector,
  type CollectorAnswer,
  type FakeCollector,
} from '../src/testing/fake-collector.ts';
import { holdWriteLock } from '../src/testing/hold-write-lock.ts';

/** Generous: other work may hold the disk. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 20 });
const logger = createLogger('test', 'silent');
const quick: RetryPolicy = { ...DEFAULT_RETRY_POLICY, baseDelayMs: 20, maxDelayMs: 50 };
const utf8 = (text: string) => new TextEncoder().encode(text);

let folder: string;
let queue: DiskQueue;
let collector: FakeCollector;
let senders: QueueSender[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-sender-'));
  queue = new DiskQueue({ folder, logger });
  collector = await startFakeCollector();
  senders = [];
});
afterEach(async () => {
  await Promise.all(senders.map((sender) => sender.stop(0)));
  await collector.close();
  queue.close();
  rmSync(folder, { recursive: true });
});

function makeSender(overrides: Partial<ConstructorParameters<typeof QueueSender>[0]> = {}) {
  const sender = new QueueSender({
    queue,
    collectorUrl: collector.url,
    token: 'secret',
    logger,
    random: () => 0.5,
    policy: quick,
    ...overrides,
  });
  senders.push(sender);
  return sender;
}
/** Answers in this order, then 200. */
function answers(...list: (CollectorAnswer | 'hang')[]): void {
  collector.answerWith(() => list.shift() ?? { status: 200 });
}
const enqueue = (text: string) => queue.enqueue('/v1/logs', utf8(text));
const bodies = (list = collector.accepted) => list.map(({ body }) => Buffer.from(body).toString());
const sent = (count: number) => eventually(() => expect(collector.accepted).toHaveLength(count));

describe('QueueSender', () => {
  it('sends what OTLP/HTTP asks for, compressed only when that is smaller', async () => {
    queue.enqueue('/v1/metrics', utf8('a'.repeat(2000)));
    queue.enqueue('/v1/logs', utf8('tiny'));
    const ids = [queue.oldest()!.batchId];
    makeSender({ collectorUrl: `${collector.url}/` }).start();
    await sent(2);
    const [metrics, logs] = collector.accepted;
    expect(metrics).toMatchObject({ path: '/v1/metrics', batchId: ids[0] });
    expect(metrics!.headers).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'gzip',
      authorization: 'Bearer secret',
    });
    expect(logs!.path).toBe('/v1/logs');
    expect(logs!.headers['content-encoding']).toBeUndefined();
    expect(bodies()).toEqual(['a'.repeat(2000), 'tiny']);
    await eventually(() => expect(queue.items).toBe(0));
  });

  it('sends one at a time, oldest first, also what is added meanwhile', async () => {
    const inFlight = { now: 0, most: 0 };
    const expected: string[] = [];
    const add = (text: string) => {
      expected.push(text);
      enqueue(text);
    };
    collector.answerWith(() => {
      inFlight.now += 1;
      inFlight.most = Math.max(inFlight.most, inFlight.now);
      setImmediate(() => (inFlight.now -= 1));
      if (expected.length < 40) add(`later ${expected.length}`);
      return { status: 200 };
    });
    for (let n = 0; n < 20; n += 1) add(`item ${n}`);
    makeSender({ maxInFlight: 1 }).start();
    await sent(40);
    expect(bodies()).toEqual(expected);
    expect(inFlight.most).toBe(1);
  });

  it('wakes at once when something is enqueued', async () => {
    const sender = makeSender({ policy: { ...quick, baseDelayMs: 60_000 } });
    sender.start();
    for (let n = 1; n <= 5; n += 1) {
      enqueue(`item ${n}`);
      await sent(n);
    }
    expect(sender.lastAcknowledgedAtMs).toBeGreaterThan(Date.now() - 5000);
  });

  it('repeats a batch under the same id until it is taken, and only then the next', async () => {
    answers({ status: 503 }, { status: 502 }, { status: 429 }, { status: 504 });
    enqueue('first');
    enqueue('second');
    const sender = makeSender();
    sender.start();
    await sent(2);
    const [first, second] = collector.accepted;
    expect(collector.requests.map(({ batchId }) => batchId)).toEqual([
      ...Array.from({ length: 5 }, () => first!.batchId),
      second!.batchId,
    ]);
    expect(first!.batchId).not.toBe(second!.batchId);
    expect(bodies()).toEqual(['first', 'second']);
  });

  it('waits as long as Retry-After asks, whatever is enqueued or flushed meanwhile', async () => {
    answers({ status: 503, headers: { 'retry-after': '1' } });
    enqueue('first');
    const sender = makeSender();
    sender.start();
    await eventually(() => expect(collector.requests).toHaveLength(1));
    enqueue('second');
    await sender.flush(50);
    expect(collector.requests).toHaveLength(1);
    await sent(2);
    const [refused, taken] = collector.requests;
    expect(taken!.receivedAtMs - refused!.receivedAtMs).toBeGreaterThanOrEqual(1000);
    expect(taken!.batchId).toBe(refused!.batchId);
  });

  it('does not shorten its back-off when something is enqueued', async () => {
    answers({ status: 503 });
    enqueue('first');
    makeSender({ policy: { ...quick, baseDelayMs: 1000, maxDelayMs: 1000 } }).start();
    await eventually(() => expect(collector.requests).toHaveLength(1));
    enqueue('second');
    await sent(2);
    const [refused, taken] = collector.requests;
    expect(taken!.receivedAtMs - refused!.receivedAtMs).toBeGreaterThanOrEqual(500);
  });

  it('tries at once on a flush, and goes on from there', async () => {
    answers({ status: 503 });
    enqueue('first');
    const sender = makeSender({ policy: { ...quick, baseDelayMs: 60_000, maxDelayMs: 60_000 } });
    sender.start();
    await eventually(() => expect(collector.requests).toHaveLength(1));
    enqueue('second');
    enqueue('third');
    await sender.flush(5000);
    // The oldest goes alone after a failure; the others share a round, in which any may arrive first.
    expect(bodies()[0]).toBe('first');
    expect(bodies().slice(1).sort()).toEqual(['second', 'third']);
    // The loop goes on at once; the old back-off is over.
    enqueue('fourth');
    await sent(4);
  });

  it('recovers by itself when nobody listened', async () => {
    const { url } = collector;
    await collector.close();
    enqueue('kept');
    const sender = makeSender({ collectorUrl: url });
    sender.start();
    await sender.flush(5000);
    expect(queue.items).toBe(1);
    expect(sender.lastAcknowledgedAtMs).toBeNull();
    collector = await startFakeCollector(Number(new URL(url).port));
    await sent(1);
    expect(bodies()).toEqual(['kept']);
  });

  it('gives up on an answer that does not come, and sends again', async () => {
    answers('hang');
    enqueue('kept');
    makeSender({ requestTimeoutMs: 100 }).start();
    await sent(1);
    expect(collector.requests).toHaveLength(2);
  });

  it('sends again when the connection breaks before the answer', async () => {
    const breaking = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    breaking.listen(0, '127.0.0.1');
    await once(breaking, 'listening');
    const { port } = breaking.address() as { port: number };
    enqueue('kept');
    const sender = makeSender({ collectorUrl: `http://127.0.0.1:${port}` });
    await sender.flush(5000);
    expect(queue.items).toBe(1);
    breaking.close();
    await once(breaking, 'close');
  });

  it.each([400, 403, 413, 415, 500])('drops and counts a batch refused with %i', async (status) => {
    answers({ status, body: Uint8Array.of(0x12, 2, 0x6e, 0x6f) });
    enqueue('bad');
    enqueue('good');
    makeSender().start();
    await sent(1);
    expect(bodies()).toEqual(['good']);
    expect(queue.dropped().refused).toBe(1);
    await eventually(() => expect(queue.items).toBe(0));
  });

  it('names the reason of a refusal in its log', async () => {
    const lines: Record<string, unknown>[] = [];
    const recording = Object.assign(Object.create(logger) as typeof logger, {
      error: (fields: Record<string, unknown>) => void lines.push(fields),
    });
    answers({ status: 400, body: Uint8Array.of(0x08, 3, 0x12, 3, 0x62, 0x61, 0x64) });
    enqueue('bad');
    await makeSender({ logger: recording }).flush(5000);
    expect(lines).toEqual([expect.objectContaining({ status: 400, reason: 'bad' })]);
  });

  it.each([401, 404, 302])('keeps everything on %i', async (status) => {
    collector.answerWith(() => ({ status, headers: { location: '/elsewhere' } }));
    enqueue('kept');
    enqueue('kept too');
    const sender = makeSender();
    await sender.flush(5000);
    expect(collector.requests).toHaveLength(1);
    expect([queue.items, queue.dropped().refused]).toEqual([2, 0]);
    answers();
    await sender.flush(5000);
    expect(bodies()).toEqual(['kept', 'kept too']);
  });

  it('treats a partial success as taken and counts what was not', async () => {
    answers({ status: 200, body: Uint8Array.of(0x0a, 2, 0x08, 3) });
    enqueue('taken in part');
    await makeSender().flush(5000);
    expect([queue.items, collector.requests.length]).toEqual([0, 1]);
    expect(queue.dropped().refused).toBe(0);
    expect(Object.values(queue.lost().refused).toSorted()).toEqual([0, 0, 3]);
  });

  it('survives a disk that fails after the collector took a batch, and repeats its id', async () => {
    let release: (() => void) | undefined;
    collector.answerWith(() => {
      if (release === undefined) release = holdWriteLock(folder);
      else release();
      return { status: 200 };
    });
    enqueue('taken twice');
    makeSender().start();
    await eventually(() => expect(queue.items).toBe(0));
    expect(collector.requests.length).toBeGreaterThanOrEqual(2);
    expect(new Set(collector.requests.map(({ batchId }) => batchId)).size).toBe(1);
  });

  it('stops within its time, keeping what was not taken', async () => {
    answers('hang');
    enqueue('kept');
    const sender = makeSender();
    sender.start();
    await eventually(() => expect(collector.requests).toHaveLength(1));
    const startedAtMs = Date.now();
    await sender.stop(100);
    expect(Date.now() - startedAtMs).toBeLessThan(8000);
    expect(queue.items).toBe(1);
  });

  it('makes one last attempt when it stops', async () => {
    const sender = makeSender();
    sender.start();
    enqueue('last words');
    await sender.stop(5000);
    expect(bodies()).toEqual(['last words']);
    expect(queue.items).toBe(0);
  });
});
