import type * as Fs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@flotilla/service';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FileSourceReader } from '../../../src/telemetry/logs/file-source.ts';
import { PositionStore } from '../../../src/telemetry/logs/position-store.ts';
import { stormOf, type Rotation } from './rotation-storm.ts';

/** Runs before every call of the follower to the file system: what others do there meanwhile. */
const meanwhile = vi.hoisted(() => ({ happens: (): void => undefined }));
vi.mock('node:fs', async (importActual) => {
  const actual = await importActual<typeof Fs>();
  const late =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      meanwhile.happens();
      return call(...args);
    };
  return {
    ...actual,
    openSync: late(actual.openSync),
    readSync: late(actual.readSync),
    fstatSync: late(actual.fstatSync),
    statSync: late(actual.statSync as (path: string) => unknown),
    readdirSync: late(actual.readdirSync as (path: string) => unknown),
  };
});

const ROTATIONS = 45;
const LINES_PER_FILE = 4;
const MAX_AHEAD_LINES = 15 * LINES_PER_FILE;
const SEEDS = Number(process.env.ROTATION_SEEDS ?? 5);
const FIRST_SEED = Number(process.env.ROTATION_FIRST_SEED ?? 1);
/** More than any pause that is counted in polls. */
const POLLS_AFTERWARDS = 70;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-steps-'));
});
afterEach(() => {
  meanwhile.happens = () => undefined;
  rmSync(folder, { recursive: true });
});

/** A follower whose records and marks outlive it, as those of the disk queue do. */
class Device {
  readonly lines: string[] = [];
  gaps = 0;
  readonly #path: string;
  readonly #marks = new Map<string, string>();
  #isDead = false;
  #reader: FileSourceReader;

  constructor(path: string) {
    this.#path = path;
    this.#reader = this.#start();
  }

  /** The process is killed: from here on nothing it does counts, the next poll is another one's. */
  kill(): void {
    this.#isDead = true;
  }

  poll(): void {
    while (this.#reader.poll() && !this.#isDead);
    if (!this.#isDead) return;
    this.#reader.close();
    this.#isDead = false;
    this.#reader = this.#start();
  }

  close(): void {
    this.#reader.close();
  }

  #start(): FileSourceReader {
    const logger = createLogger('test', 'silent');
    const keep = (name: string, value: string | null) => {
      if (this.#isDead) throw new Error('killed');
      if (value === null) this.#marks.delete(name);
      else this.#marks.set(name, value);
    };
    const queue = {
      mark: (name: string) => this.#marks.get(name) ?? null,
      enqueueAll: (_: unknown, mark?: { name: string; value: string | null }) => {
        if (mark !== undefined) keep(mark.name, mark.value);
        return 0;
      },
    };
    return new FileSourceReader({
      source: { paths: [this.#path], format: 'plain', startAt: 'beginning' },
      positions: new PositionStore(queue, logger),
      sink: {
        hasRoom: () => true,
        write: (records, { name, value }) => {
          keep(name, value);
          this.lines.push(...records.map(({ record }) => String(record.body)));
        },
      },
      logger,
      now: () => Date.now(),
      random: () => 0.5,
      onGap: (files) => void (this.gaps += files),
    });
  }
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function runStorm(kind: Rotation, seed: number, withKills: boolean): Device & { wanted: string[] } {
  const random = randomOf(seed);
  const path = join(folder, `${kind}-${seed}`, 'app.log');
  const storm = stormOf({ kind, path, rotations: ROTATIONS, linesPerFile: LINES_PER_FILE });
  const device = new Device(path);
  let isOver = false;
  let written = 0;
  // No further ahead than rotated files are looked at.
  const step = () => {
    if (isOver || written - device.lines.length > MAX_AHEAD_LINES) return;
    const next = storm.next();
    if (next.done === true) isOver = true;
    else written = next.value;
  };
  // Now nothing happens for a while, now everything at once.
  let stepsPerCall = 0;
  const begins = () => {
    for (let owed = stepsPerCall; owed > random(); owed -= 1) step();
    if (withKills && random() < 0.0002) device.kill();
  };
  step();
  device.poll();
  meanwhile.happens = begins;
  while (!isOver) {
    stepsPerCall = [0, 0.02, 0.2, 0.7, 3][Math.floor(random() * 5)] ?? 0;
    device.poll();
    for (let steps = Math.floor(random() * 60); steps > 0; steps -= 1) step();
  }
  meanwhile.happens = () => undefined;
  for (let poll = 0; poll < POLLS_AFTERWARDS; poll += 1) device.poll();
  device.close();
  const wanted = Array.from({ length: ROTATIONS * LINES_PER_FILE }, (_, n) => `line ${n}`);
  return Object.assign(device, { wanted });
}

it.each(['rename', 'copytruncate'] as const)(
  'reads every line once and in order whatever step of a rotation (%s) falls between its own',
  (kind) => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const { lines, wanted, gaps } = runStorm(kind, seed, seed % 2 === 0);
      expect(lines, `seed ${seed}`).toEqual(wanted);
      expect(gaps, `seed ${seed}`).toBe(0);
    }
  },
);
