import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskQueue } from '@flotilla/otlp-queue';
import { holdWriteLock } from '@flotilla/otlp-queue/testing';
import { createLogger } from '@flotilla/service';
import type { LogRecord } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileSourceReader } from '../../../src/telemetry/logs/file-source.ts';
import { LogIntake } from '../../../src/telemetry/logs/log-intake.ts';
import type { FileSource } from '../../../src/telemetry/logs/log-sources.ts';
import { PositionStore } from '../../../src/telemetry/logs/position-store.ts';
import { QueueWriter } from '../../../src/telemetry/queue-writer.ts';
import { decodeLogs } from '../../../src/telemetry/testing/decode-otlp.ts';
import { readableRecords } from '../../../src/telemetry/version-signals.ts';

const logger = createLogger('test', 'silent');
const unlimited = { perSecond: 1e9, burst: 1e9 };
const QUEUE_BYTES = 20_000;

let folder: string;
let logs: string;
let queue: DiskQueue;
let intake: LogIntake;
let reader: FileSourceReader;
let gaps: number;
let writes: number;
/** Moves the back-off of a failing file along. */
let nowMs: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-files-'));
  logs = join(folder, 'logs');
  mkdirSync(logs);
  queue = new DiskQueue({ folder: join(folder, 'queue'), logger });
  gaps = 0;
  writes = 0;
  nowMs = Date.now();
  open();
});
afterEach(() => {
  reader.close();
  queue.close();
  rmSync(folder, { recursive: true });
});

/** As after a restart of the agent. */
function open(source: Partial<FileSource> = {}): void {
  const writer = new QueueWriter(queue, logger);
  intake = new LogIntake({
    rules: {
      ratios: { trace: 1, debug: 1, info: 1 },
      keyRate: unlimited,
      bound: unlimited,
      urgentBound: unlimited,
    },
    canary: { afterMs: 1, maxTrialMs: 1 },
    window: null,
    now: () => nowMs,
    random: () => 0,
    thrift: () => 1,
    hasRoom: () => queue.sizeBytes < QUEUE_BYTES / 2,
    writeDurably: (records: readonly LogRecord[], mark) => {
      writes += 1;
      writer.moveLogs(readableRecords(emptyResource(), records), mark);
    },
  });
  reader = new FileSourceReader({
    source: { paths: [join(logs, 'app.log')], format: 'plain', startAt: 'beginning', ...source },
    positions: new PositionStore(queue, logger),
    sink: intake,
    logger,
    now: () => nowMs,
    random: () => 0.5,
    onGap: (files) => void (gaps += files),
  });
}
function restart(source: Partial<FileSource> = {}): void {
  reader.close();
  open(source);
}
/** Enough polls for every pause that is counted in polls, each a minute after the other. */
function poll(times = 70): void {
  for (let time = 0; time < times; time += 1) {
    nowMs += 60_000;
    while (reader.poll());
  }
}
const log = (name = 'app.log') => join(logs, name);
/** Takes what is queued, as the sender does. */
function drained(): unknown[] {
  const items = queue.oldestItems(1000);
  queue.settle(
    items.map(({ id }) => id),
    [],
  );
  return items.flatMap(({ body }) => decodeLogs(body)).map(({ body }) => body);
}
/** As drained, while the source goes on. */
function drainedBy(rounds: number): unknown[] {
  return Array.from({ length: rounds }, () => {
    poll(50);
    return drained();
  }).flat();
}
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n} ${'x'.repeat(80)}`);
const write = (texts: readonly string[], name?: string) =>
  appendFileSync(log(name), texts.map((text) => `${text}\n`).join(''));

describe('a followed file', () => {
  it('is read once it can be, when it could not at first', () => {
    mkdirSync(log());
    poll(3);
    expect(drained()).toEqual([]);
    rmdirSync(log());
    write(['at last']);
    poll();
    expect(drained()).toEqual(['at last']);
    expect(gaps).toBe(0);
  });

  it('is read to its end after it was deleted, and its successor from the beginning', () => {
    write(['one']);
    poll(2);
    write(['two']);
    unlinkSync(log());
    poll();
    write(['three']);
    poll();
    expect(drained()).toEqual(['one', 'two', 'three']);
    expect(gaps).toBe(0);
  });

  it('is a gap when it was deleted while the agent was away', () => {
    write(['one']);
    poll(2);
    write(['never read']);
    reader.close();
    unlinkSync(log());
    write(['two']);
    restart();
    poll();
    expect(drained()).toEqual(['one', 'two']);
    expect(gaps).toBe(1);
  });

  it('is a gap when it was cut and no copy is found', () => {
    write(['one', 'two']);
    poll(2);
    truncateSync(log());
    write(['three']);
    poll();
    expect(drained()).toEqual(['one', 'two', 'three']);
    expect(gaps).toBe(1);
  });

  it('begins at its end where it is told to, and goes on from there', () => {
    restart({ startAt: 'end' });
    write(['old']);
    poll(2);
    write(['new']);
    restart({ startAt: 'end' });
    write(['newer']);
    poll();
    expect(drained()).toEqual(['new', 'newer']);
  });

  it('counts the rotated files that are more than it looks at', () => {
    write(['0']);
    poll(2);
    for (let rotation = 1; rotation <= 40; rotation += 1) {
      for (let age = rotation; age >= 1; age -= 1) {
        if (age > 1) renameSync(log(`app.log.${age - 1}`), log(`app.log.${age}`));
      }
      renameSync(log(), log('app.log.1'));
      write([String(rotation)]);
    }
    poll();
    // The first is still open, and of the others the 31 newest beside the live one are read.
    const expected = Array.from({ length: 32 }, (_, n) => String(9 + n));
    expect(drained()).toEqual(['0', ...expected]);
    expect(gaps).toBe(8);
  });

  it('costs no write while it rests', () => {
    write(['one']);
    poll();
    const before = writes;
    expect(before).toBeGreaterThan(0);
    poll(200);
    expect(writes).toBe(before);
  });

  it('passes over a folder beside it', () => {
    mkdirSync(log('app.log.1'));
    write(['one']);
    poll(2);
    expect(drained()).toEqual(['one']);
  });
});

describe('a queue without room', () => {
  it('makes the source wait, and loses nothing of it', () => {
    const all = lines(0, 2000);
    write(all);
    poll(2);
    expect(queue.sizeBytes).toBeGreaterThan(QUEUE_BYTES / 2);
    const { items } = queue;
    poll(5);
    expect(queue.items).toBe(items);
    expect([...drained(), ...drainedBy(20)]).toEqual(all);
    expect(queue.dropped()).toEqual({ bytes: 0, age: 0, refused: 0, unwritable: 0 });
  });

  it('counts nothing while the disk does not write, and reads on afterwards', () => {
    write(['one']);
    poll(2);
    const release = holdWriteLock(join(folder, 'queue'));
    write(['two']);
    poll(2);
    release();
    expect(queue.dropped().unwritable).toBe(0);
    poll();
    expect(drained()).toEqual(['one', 'two']);
  });
});

describe('a glob', () => {
  it('follows up to its limit, and takes up others once some are gone', () => {
    restart({ paths: [log('*.log')] });
    for (let n = 0; n < 70; n += 1) write([`from ${n}`], `day-${String(n).padStart(2, '0')}.log`);
    const first = drainedBy(4);
    expect(first).toHaveLength(64);
    for (const name of readdirSync(logs).slice(0, 20)) unlinkSync(log(name));
    expect([...first, ...drainedBy(4)].sort()).toEqual(
      Array.from({ length: 70 }, (_, n) => `from ${n}`).sort(),
    );
    // What is gone is forgotten: one of the same name is another.
    write(['again'], 'day-00.log');
    poll();
    expect(drained()).toEqual(['again']);
    expect(gaps).toBe(0);
  });
});
