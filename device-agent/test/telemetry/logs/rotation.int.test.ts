import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFakeCollector, type FakeCollector } from '@flotilla/otlp-queue/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decodeLogs, type DecodedLog } from '../../../src/telemetry/testing/decode-otlp.ts';

const SCRIPT = fileURLToPath(new URL('children/follow.ts', import.meta.url));
const ROTATIONS = 50;
const LINES_PER_FILE = 40;
const KILL_AT = new Set([4, 11, 26, 45]);
/** One chunk of the follower, which a kill may repeat. */
const LINES_PER_CHUNK = Math.ceil((64 * 1024) / 'line 0000000\n'.length);

let folder: string;
let collector: FakeCollector;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-rotation-'));
  collector = await startFakeCollector();
});
afterEach(async () => {
  await end('SIGKILL');
  await collector.close();
  rmSync(folder, { recursive: true });
});

const log = () => join(folder, 'app.log');
function follow(): void {
  const args = ['--no-warnings', SCRIPT, join(folder, 'data'), log(), collector.url];
  child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
async function end(signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
function arrived(): DecodedLog[] {
  const requests = collector.accepted.filter(({ path }) => path === '/v1/logs');
  // A batch that is sent again keeps its id: the pipeline drops it.
  const batches = new Map(requests.map((request) => [request.batchId, request]));
  const inBatches = [...batches.values()].map(({ body }) => decodeLogs(body));
  // Batches may overtake each other on their way; a line's time is when it was read.
  return inBatches
    .sort((a, b) => Number(readAt(a) - readAt(b)) || numberOf(a[0]!) - numberOf(b[0]!))
    .flat();
}
const readAt = (batch: DecodedLog[]) => batch[0]!.timeUnixNano;
const numberOf = ({ body }: DecodedLog) => Number(/^line (\d+)$/.exec(String(body))?.[1]);

/** As rotation does it: the oldest first. */
function shiftNames(): void {
  for (let age = 60; age >= 1; age -= 1) {
    if (existsSync(`${log()}.${age}`)) renameSync(`${log()}.${age}`, `${log()}.${age + 1}`);
  }
}
const rotations = {
  rename: () => {
    shiftNames();
    renameSync(log(), `${log()}.1`);
    appendFileSync(log(), '');
  },
  copytruncate: () => {
    shiftNames();
    copyFileSync(log(), `${log()}.1`);
    truncateSync(log());
  },
};

it.each(['rename', 'copytruncate'] as const)(
  'brings every line through 50 rotations (%s) and four kills',
  async (kind) => {
    let next = 0;
    const write = (lines: number) => {
      for (let line = 0; line < lines; line += 1, next += 1) {
        appendFileSync(log(), `line ${String(next).padStart(7, '0')}\n`);
      }
    };
    const missing = () => {
      const numbers = new Set(arrived().map(numberOf));
      return Array.from({ length: next }, (_, index) => index).filter((n) => !numbers.has(n));
    };
    const allArrived = () => expect.poll(missing, { timeout: 30_000, interval: 250 }).toEqual([]);
    write(1);
    follow();
    await allArrived();
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      write(LINES_PER_FILE);
      if (KILL_AT.has(rotation)) await end('SIGKILL');
      rotations[kind]();
      if (KILL_AT.has(rotation - 2)) follow();
      // Most rotations come in storms, some after it has caught up.
      if (rotation % 10 === 3) await allArrived();
    }
    await allArrived();
    const all = Array.from({ length: next }, (_, index) => index);
    await end('SIGTERM');

    const logs = arrived();
    const repeats = logs.length - next;
    expect(repeats).toBeLessThanOrEqual(KILL_AT.size * LINES_PER_CHUNK);
    // What is read twice has the same identity, so that it can be told.
    const byUid = new Map<unknown, number>();
    for (const record of logs) byUid.set(record.attributes['log.record.uid'], numberOf(record));
    expect(logs[0]!.attributes).toMatchObject({
      'log.file.path': log(),
      'log.file.name': 'app.log',
    });
    // A copy may be found only after its truncated original has been read on; names tell renamed files' order.
    if (kind === 'copytruncate') return;
    // In order: leaving out what came before, each line comes after the one before it.
    let highest = -1;
    const firsts = logs.map(numberOf).filter((number) => {
      const isFirst = number > highest;
      highest = Math.max(highest, number);
      return isFirst;
    });
    expect(firsts).toEqual(all);
  },
);
