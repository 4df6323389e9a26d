import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';

const execFileAsync = promisify(execFile);
const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
/** Of so many MiB one is changed, page by page, and the rest is as it was. */
const CHANGED_OF_MIB = 64;
/** Put in at the middle: from there on nothing lies where it lay. */
const INSERTED_BYTES = 5000;
/** What the service reckons with for one job; see `jobsAtOnce`. */
const JOB_MEMORY_MIB = 1024;
const APPLY_LIMIT_MIB = 64;

interface Figures {
  readonly mib: number;
  readonly patchBytes: number;
  readonly create: { readonly cpuSeconds: number; readonly peakRssBytes: number };
  readonly apply: {
    readonly cpuSeconds: number;
    readonly peakRssBytes: number;
    readonly idleRssBytes: number;
  };
  readonly isRight: boolean;
}

/**
 * Question: what does a delta of a very large image take, where the service makes it (a worker thread)
 * and where a device applies it? Load: pairs of 64 MiB and of `--mib` (1024), one MiB in 64 changed and
 * a piece put in at the middle. Judge: the target's digest; peaks of processes of their own.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: { mib: { type: 'string', default: '1024' } },
  });
  const figures = [await measure(64), await measure(Number(values.mib))];
  const head = ['image MiB', 'patch', 'make CPU s', 'peak MiB', 'apply CPU s', 'over idle MiB'];
  const rows = figures.map(({ mib, patchBytes, create, apply }) => [
    String(mib),
    formatCount(patchBytes),
    create.cpuSeconds.toFixed(1),
    inMib(create.peakRssBytes).toFixed(0),
    apply.cpuSeconds.toFixed(1),
    growth(apply).toFixed(1),
  ]);
  console.log(formatTable(head, rows));
  const most = (values: readonly number[]): number => Math.round(Math.max(...values));
  return {
    figures: { machine: describeMachine(), figures },
    goals: [
      atLeast('right targets', figures.filter(({ isRight }) => isRight).length, 2, 'targets'),
      atMost(
        'peak memory of making',
        most(figures.map(({ create }) => inMib(create.peakRssBytes))),
        JOB_MEMORY_MIB,
        'MiB',
      ),
      atMost(
        'apply memory over idle',
        most(figures.map(({ apply }) => growth(apply))),
        APPLY_LIMIT_MIB,
        'MiB',
      ),
    ],
  };
}

async function measure(mib: number): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-delta-large-'));
  const [base, target, patch, made] = ['base', 'target', 'patch', 'made'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  try {
    await writeImage(base, mib, false);
    const wanted = await writeImage(target, mib, true);
    const create = await child<Figures['create']>('measure-worker.ts', base, target, patch);
    const apply = await child<Figures['apply']>('measure.ts', 'apply', base, patch, made);
    const patchBytes = (await stat(patch)).size;
    return { mib, patchBytes, create, apply, isRight: (await digestOf(made)) === wanted };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function child<T>(script: string, ...args: readonly string[]): Promise<T> {
  const path = join(import.meta.dirname, 'delta', script);
  const { stdout } = await execFileAsync(process.execPath, [path, ...args]);
  return JSON.parse(stdout) as T;
}

/** Pages of noise, text and zeros; returns the SHA-256. */
async function writeImage(path: string, mib: number, isTarget: boolean): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'w');
  const write = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    await file.writeFile(bytes);
  };
  for (let i = 0; i < mib; i++) {
    if (isTarget && i === mib / 2) await write(noise(`inserted`, INSERTED_BYTES));
    const pages = Array.from({ length: MIB / PAGE_BYTES }, (_, k) => page(i, k));
    if (isTarget && i % CHANGED_OF_MIB === 1) pages.forEach(change);
    await write(Buffer.concat(pages));
  }
  await file.close();
  return hash.digest('hex');
}

function page(mib: number, index: number): Buffer {
  if (index % 8 === 0) return Buffer.alloc(PAGE_BYTES);
  if (index % 8 > 3) return noise(`${mib} ${index}`, PAGE_BYTES);
  const line = `unit ${mib} of page ${index} reads its sensors and waits for the next turn\n`;
  return Buffer.alloc(PAGE_BYTES, line);
}

/** As addresses change in code: a few bytes every few hundred. */
function change(bytes: Buffer): void {
  for (let at = 40; at + 4 <= bytes.length; at += 300) {
    bytes.writeUInt32LE((bytes.readUInt32LE(at) + 64) >>> 0, at);
  }
}

function noise(seed: string, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(seed).digest();
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const inMib = (bytes: number): number => bytes / MIB;
const growth = (apply: Figures['apply']): number => inMib(apply.peakRssBytes - apply.idleRssBytes);
