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
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decodeLogs, type DecodedLog } from '../../../src/telemetry/testing/decode-otlp.ts';

const SCRIPT = fileURLToPath(new URL('children/follow.ts', import.meta.url));
const ROTATIONS = 50;
const LINES_PER_FILE = 40;
const KILL_AT = new Set([4, 11, 26, 45]);

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-rotation-'));
});
afterEach(async () => {
  await end('SIGKILL');
  rmSync(folder, { recursive: true });
});

const log = () => join(folder, 'app.log');
function follow(): void {
  const args = ['--no-warnings', SCRIPT, join(folder, 'data'), log()];
  child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
async function end(signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
/** What waits in the disk queue, in its order: the follower's collector is out of reach. */
function queued(): DecodedLog[] {
  const file = join(folder, 'data', 'telemetry', 'telemetry-queue.db');
  if (!existsSync(file)) return [];
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const rows = database
      .prepare("SELECT body FROM items WHERE path = '/v1/logs' ORDER BY id")
      .all();
    return rows.flatMap(({ body }) => decodeLogs(body as Uint8Array));
  } finally {
    database.close();
  }
}
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
  'queues every line once and in order through 50 rotations (%s) and four kills',
  // Thousands of renames, beside a process that starts five times: slow on a machine with other work.
  { timeout: 300_000 },
  async (kind) => {
    let next = 0;
    // Nothing is written while a copy is taken: such lines are lost by the rotation, not by its follower.
    const write = (lines: number) => {
      for (let line = 0; line < lines; line += 1, next += 1) {
        appendFileSync(log(), `line ${String(next).padStart(7, '0')}\n`);
      }
    };
    const allQueued = () =>
      expect
        .poll(() => queued().length, { timeout: 120_000, interval: 100 })
        .toBeGreaterThanOrEqual(next);
    write(1);
    follow();
    await allQueued();
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      write(LINES_PER_FILE);
      if (KILL_AT.has(rotation)) await end('SIGKILL');
      rotations[kind]();
      if (KILL_AT.has(rotation - 2)) follow();
      // Most rotations come in storms, some after it has caught up.
      if (rotation % 10 === 3) await allQueued();
    }
    await allQueued();
    await end('SIGTERM');

    const logs = queued();
    expect(logs.map(numberOf)).toEqual(Array.from({ length: next }, (_, index) => index));
    expect(new Set(logs.map(({ attributes }) => attributes['log.record.uid'])).size).toBe(next);
    expect(logs[0]!.attributes).toMatchObject({
      'log.file.path': log(),
      'log.file.name': 'app.log',
    });
  },
);
