import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DiskQueue } from '@flotilla/otlp-queue';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { JournalReader } from '../../../src/telemetry/logs/journal-reader.ts';
import type { SourceRecord } from '../../../src/telemetry/logs/log-sink.ts';
import { PositionStore } from '../../../src/telemetry/logs/position-store.ts';

const STAND_IN = fileURLToPath(
  new URL('../../../src/telemetry/testing/stand-in-journalctl.ts', import.meta.url),
);
const logger = createLogger('test', 'silent');
let folder: string;
let taken: SourceRecord[];
let room: boolean;
let reader: JournalReader | undefined;
let queue: DiskQueue;
let gaps: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-journal-'));
  taken = [];
  room = true;
  gaps = 0;
  queue = new DiskQueue({ folder: join(folder, 'queue'), logger });
  const command = join(folder, 'journalctl');
  // A shell program, so that the argument vector is journalctl's own.
  writeFileSync(
    command,
    `#!/bin/sh\nexec "${process.execPath}" --no-warnings --import "data:text/javascript,process.argv[1]='${command}'" "${STAND_IN}" "$@"\n`,
  );
  chmodSync(command, 0o755);
});
afterEach(async () => {
  await reader?.stop();
  queue.close();
  rmSync(folder, { recursive: true });
});

function start(command = join(folder, 'journalctl')): void {
  reader = new JournalReader({
    source: { command, units: [] },
    positions: new PositionStore(queue, logger),
    sink: {
      hasRoom: () => room,
      write: (records, mark) => {
        queue.enqueueAll([], mark);
        taken.push(...records);
      },
    },
    logger,
    now: Date.now,
    random: () => 0,
    backOff: { baseMs: 10, maxMs: 50 },
    onGap: (count) => void (gaps += count),
  });
  reader.start();
}
const entry = (n: number) =>
  JSON.stringify({
    MESSAGE: n === 2 ? [104, 105, 255] : `entry ${n}`,
    PRIORITY: String(n % 8),
    __REALTIME_TIMESTAMP: String(1_790_000_000_000_000 + n * 1000),
    _SYSTEMD_UNIT: 'app.service',
    SYSLOG_IDENTIFIER: 'app',
    _PID: '42',
  });
function journal(count: number): void {
  const lines = Array.from({ length: count }, (_, n) => `${entry(n)}\n`);
  writeFileSync(join(folder, 'journal.json'), lines.join(''));
}
const bodies = () => taken.map(({ record }) => record.body);
const expected = (count: number) =>
  Array.from({ length: count }, (_, n) => (n === 2 ? 'hi\uFFFD' : `entry ${n}`));

it('brings each entry once, in order, though the child dies again and again', async () => {
  journal(12);
  writeFileSync(join(folder, 'die-after'), '5');
  start();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(12);
  expect(bodies()).toEqual(expected(12));
  expect(taken[3]!.record).toMatchObject({
    severityNumber: 17,
    severityText: 'ERROR',
    timestamp: new Date(1_790_000_000_003),
    attributes: {
      'flotilla.journal.unit': 'app.service',
      'flotilla.journal.identifier': 'app',
      'process.pid': 42,
    },
  });
});

it('goes on behind the saved cursor after a restart', async () => {
  journal(3);
  start();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(3);
  await reader?.stop();
  journal(6);
  start();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(6);
  expect(bodies()).toEqual(expected(6));
});

it('takes nothing while the queue has no room, and all of it afterwards', async () => {
  journal(4);
  room = false;
  start();
  await expect.poll(() => reader?.waiting, { timeout: 30_000 }).toBe(4);
  expect(taken).toEqual([]);
  room = true;
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(4);
});

it('does without a journal where there is none', async () => {
  start(join(folder, 'no-such-program'));
  await expect.poll(() => reader?.state, { timeout: 30_000 }).toBe('absent');
});

it('passes over an entry that is none, and counts it', async () => {
  journal(2);
  appendFileSync(join(folder, 'journal.json'), 'no JSON\n');
  appendFileSync(join(folder, 'journal.json'), `${entry(3)}\n`);
  start();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(3);
  expect(bodies()).toEqual(['entry 0', 'entry 1', 'entry 3']);
  expect(gaps).toBe(1);
});

it('counts the gap when the journal does not know its cursor any more', async () => {
  journal(3);
  start();
  await expect.poll(() => taken.length, { timeout: 30_000 }).toBe(3);
  await reader?.stop();
  // As after a vacuum of the journal: the child ends at once whenever it is given the cursor.
  writeFileSync(join(folder, 'unknown-cursors'), '');
  start();
  await expect.poll(() => gaps, { timeout: 30_000 }).toBe(1);
  await expect.poll(() => reader?.state, { timeout: 30_000 }).toBe('following');
  rmSync(join(folder, 'unknown-cursors'));
});
