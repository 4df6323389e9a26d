import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { loadCorpus, type Pair } from './delta/corpus.ts';
import { findPeers, type PairPaths, type Peer } from './delta/peers.ts';
import { atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';

const execFileAsync = promisify(execFile);
const OWN = 'flotilla';
const LARGE = '--large';
const APPLY_RUNS = 3;
const MEASURE = join(import.meta.dirname, 'delta/measure.ts');

interface Cost {
  readonly elapsedMs: number;
  readonly idleRssBytes: number;
  readonly peakRssBytes: number;
}

interface Row {
  readonly pair: Pair;
  readonly sizes: Readonly<Record<string, number>>;
  readonly create: Cost;
  readonly applies: readonly Cost[];
}

/**
 * Question: how large are our patches beside those of zstd, bsdiff and xdelta3, and what do making
 * and applying them cost? Pairs of published software come from their registries, pinned, and are kept;
 * offline they are left out. `--large` adds those that take peers minutes and gigabytes. More pairs may
 * be given: `-- delta BASE TARGET [BASE TARGET …]`.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { peers, skipped } = findPeers();
  const { pairs, missing } = await loadCorpus(
    args.filter((arg) => arg !== LARGE),
    args.includes(LARGE),
  );
  const machine = describeMachine();
  console.log('Patch size against peers; cost of making and applying.');
  console.log(`Machine: ${JSON.stringify(machine)}`);
  console.log(`Peers: ${peers.map((peer) => `${peer.name} (${peer.version})`).join('; ')}`);
  for (const reason of skipped) console.log(`Skipped peer ${reason}`);
  for (const name of missing) console.log(`Skipped pair ${name}`);

  const folder = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
  try {
    const rows: Row[] = [];
    for (const pair of pairs) rows.push(await measurePair(pair, peers, folder));
    printRows(rows, peers);
    return summarise(rows, peers, { machine, skipped, missing });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measurePair(pair: Pair, peers: readonly Peer[], folder: string): Promise<Row> {
  const paths: PairPaths = {
    base: join(folder, 'base'),
    target: join(folder, 'target'),
    patch: join(folder, 'patch'),
  };
  await writeFile(paths.base, pair.base);
  await writeFile(paths.target, pair.target);
  const sizes: Record<string, number> = {};
  for (const peer of peers) sizes[peer.name] = peer.measure(pair, paths);

  const create = await measureChild('create', paths.base, paths.target, paths.patch);
  sizes[OWN] = (await readFile(paths.patch)).length;
  const made = join(folder, 'made');
  const applies: Cost[] = [];
  for (let i = 0; i < APPLY_RUNS; i++) {
    applies.push(await measureChild('apply', paths.base, paths.patch, made));
    if (!(await readFile(made)).equals(pair.target)) {
      throw new Error(`${pair.name}: the patch makes another target`);
    }
  }
  return { pair, sizes, create, applies };
}

async function measureChild(operation: string, ...paths: readonly string[]): Promise<Cost> {
  const { stdout } = await execFileAsync(process.execPath, [MEASURE, operation, ...paths]);
  return JSON.parse(stdout) as Cost;
}

function printRows(rows: readonly Row[], peers: readonly Peer[]): void {
  const names = [OWN, ...peers.map((peer) => peer.name)];
  const head = ['pair (sizes in bytes)', 'base', 'target', ...names, 'best peer', 'ratio'];
  const body = rows.map(({ pair, sizes }) => {
    const best = bestPeer(sizes);
    return [
      pair.counts ? pair.name : `${pair.name} *`,
      formatCount(pair.base.length),
      formatCount(pair.target.length),
      ...names.map((name) => formatCount(sizes[name] ?? null)),
      best.name,
      ((sizes[OWN] ?? 0) / best.size).toFixed(3),
    ];
  });
  console.log(`\n${formatTable(head, body)}`);
  for (const { pair } of rows) {
    if (pair.note !== undefined) console.log(`* ${pair.name}: not counted, ${pair.note}`);
  }
  const costs = rows.map(({ pair, create, applies }) => [
    pair.name,
    formatCount(create.elapsedMs),
    formatMib(create.peakRssBytes),
    formatMib(create.peakRssBytes - create.idleRssBytes),
    formatCount(median(applies.map((cost) => cost.elapsedMs))),
    formatMib(Math.max(...applies.map((cost) => cost.peakRssBytes))),
    formatMib(applyGrowth(applies)),
  ]);
  const costHead = ['pair', 'create ms', 'peak MiB', 'growth', 'apply ms', 'peak MiB', 'growth'];
  console.log(`\n${formatTable(costHead, costs)}`);
  console.log('Memory: peak RSS of a process of its own; growth is over that process at idle.\n');
}

function summarise(
  rows: readonly Row[],
  peers: readonly Peer[],
  about: Readonly<Record<string, unknown>>,
): BenchResult {
  const counted = rows.filter((row) => row.pair.counts);
  const totals = Object.fromEntries(
    [OWN, ...peers.map((peer) => peer.name)].map((name) => [
      name,
      counted.reduce((sum, row) => sum + (row.sizes[name] ?? 0), 0),
    ]),
  );
  const best = bestPeer(totals);
  const ratio = Math.round(((totals[OWN] ?? 0) / best.size) * 1000) / 1000;
  const worst = Math.max(...counted.map(({ sizes }) => (sizes[OWN] ?? 0) / bestPeer(sizes).size));
  const growthMib = Math.max(...rows.map((row) => applyGrowth(row.applies))) / 1024 ** 2;
  console.log(`Totals of counted pairs, bytes: ${JSON.stringify(totals)}; best peer ${best.name}`);
  const pairs = rows.map(({ pair, sizes, create, applies }) => ({
    name: pair.name,
    kind: pair.kind,
    counts: pair.counts,
    baseBytes: pair.base.length,
    targetBytes: pair.target.length,
    sizes,
    create,
    applies,
  }));
  return {
    figures: { ...about, totals, bestPeer: best.name, pairs },
    goals: [
      atMost(
        "worst pair's size over its best peer's",
        Math.round(worst * 1000) / 1000,
        1.05,
        'ratio',
      ),
      atMost(`total size over the best peer's (${best.name})`, ratio, 1, 'ratio'),
      atMost('apply peak memory over idle', Math.round(growthMib * 10) / 10, 64, 'MiB'),
    ],
  };
}

function bestPeer(sizes: Readonly<Record<string, number>>): { name: string; size: number } {
  const peers = Object.entries(sizes).filter(([name]) => name !== OWN);
  const [name, size] = peers.reduce((best, peer) => (peer[1] < best[1] ? peer : best));
  return { name, size };
}

function applyGrowth(applies: readonly Cost[]): number {
  return Math.max(...applies.map((cost) => cost.peakRssBytes - cost.idleRssBytes));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

function formatMib(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
