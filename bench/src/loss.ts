import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readPrivateKey, issueDeviceToken } from '@flotilla/signing';
import { Shutdown } from '@flotilla/stack/src/shutdown.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';
import { SIGNALS } from './loss/batches.ts';
import { runStream, type StreamAccount } from './loss/device-stream.ts';
import { killAtRandom } from './loss/killer.ts';
import { balance, storedRows, type Ledger } from './loss/ledger.ts';
import { uniform } from './harness/random.ts';
import { openDistributed, openEmbedded, type Topology } from './loss/topology.ts';

/**
 * Question: is any acknowledged point lost or stored twice when processes die at random moments?
 * Load: streams of devices, each sending batch after batch of numbered points (metrics and logs in
 * equal parts), every batch under its own id again and again until it is acknowledged.
 * Meanwhile processes get SIGKILL at random moments, overlapping: a Kafka broker, a warehouse server,
 * a collector and two pipelines; with --embedded, the two processes of the embedded path.
 * Judge: the numbers in the warehouse, counted by a query that knows nothing of the pipeline's own
 * bookkeeping. SIGKILL stands for a crash of a process, not for a loss of power.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const options = readOptions(args);
  const shutdown = new Shutdown();
  const root = await mkdtemp(join(tmpdir(), 'flotilla-loss-'));
  shutdown.add(() => rm(root, { recursive: true, force: true }));
  try {
    const topology = await (options.embedded ? openEmbedded : openDistributed)(root, shutdown);
    return await play(topology, options);
  } finally {
    await shutdown.run();
  }
}

interface Options {
  readonly embedded: boolean;
  readonly kills: number;
  readonly streams: number;
  readonly seed: number;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      embedded: { type: 'boolean', default: false },
      kills: { type: 'string', default: '100' },
      streams: { type: 'string', default: '40' },
      seed: { type: 'string', default: '1' },
    },
  });
  const whole = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`not a whole number: ${text}`);
    return value;
  };
  return {
    embedded: values.embedded,
    kills: whole(values.kills),
    streams: whole(values.streams),
    seed: whole(values.seed),
  };
}

const POINTS_PER_BATCH = 20;
const BATCH_PAUSE_MS = 150;
const MAX_KILL_PAUSE_MS = 2_500;
/** Nothing more is stored for so long: a path that stands still has lost what is missing. */
const STALL_MS = 300_000;
const LOOK_EVERY_MS = 500;

async function play(topology: Topology, options: Options): Promise<BenchResult> {
  const random = uniform(options.seed);
  const key = readPrivateKey(await readFile(topology.folder.deviceTokenPrivateKey, 'utf8'));
  const stop = new AbortController();
  const streams = await Promise.all(
    Array.from({ length: options.streams }, async (_, i) => {
      const deviceId = `bench-${i}`;
      const identity = { deviceId, model: 'bench', group: 'bench' };
      return {
        collectorUrl: topology.collectorUrl,
        token: await issueDeviceToken(identity, key, Date.now()),
        deviceId,
        signal: SIGNALS[i % SIGNALS.length] ?? 'metrics',
        pointsPerBatch: POINTS_PER_BATCH,
        pauseMs: BATCH_PAUSE_MS,
        random,
      };
    }),
  );
  const running = Promise.all(streams.map((stream) => runStream(stream, stop.signal)));
  // Nobody waits for them when a process does not come back.
  running.catch(() => undefined);
  const kills = await Promise.race([
    killAtRandom(topology.victims, {
      kills: options.kills,
      maxPauseMs: MAX_KILL_PAUSE_MS,
      random,
      onKill: (name, done) => console.log(`kill ${done} of ${options.kills}: ${name}`),
    }),
    running.then(() => {
      throw new Error('the streams ended before the kills');
    }),
  ]).finally(() => stop.abort());
  const accounts = await running;
  const ledger = await drain(topology.warehouseUrl, accounts);
  return report(kills, accounts, ledger, options);
}

/** Waits for what is on its way, as long as any arrives; what is missing then counts as lost. */
async function drain(warehouseUrl: string, accounts: readonly StreamAccount[]): Promise<Ledger> {
  let stored = -1;
  let grownAt = performance.now();
  for (;;) {
    const ledger = balance(accounts, await storedRows(warehouseUrl, accounts));
    if (ledger.lost === 0 || performance.now() - grownAt > STALL_MS) return ledger;
    if (ledger.stored > stored) grownAt = performance.now();
    ({ stored } = ledger);
    await delay(LOOK_EVERY_MS);
  }
}

function report(
  kills: Record<string, number>,
  accounts: readonly StreamAccount[],
  ledger: Ledger,
  { seed }: Options,
): BenchResult {
  const total = Object.values(kills).reduce((sum, count) => sum + count, 0);
  const rows = SIGNALS.map((signal) => {
    const own = accounts.filter((account) => account.signal === signal);
    const sum = (of: (account: StreamAccount) => number) =>
      formatCount(own.reduce((all, account) => all + of(account), 0));
    return [
      signal,
      sum(() => 1),
      sum((a) => a.batches),
      sum((a) => a.failedAttempts),
      sum((a) => a.points),
    ];
  });
  console.log(
    formatTable(['signal', 'streams', 'batches', 'attempts failed', 'points acknowledged'], rows),
  );
  console.log(
    formatTable(
      ['ledger', 'points'],
      Object.entries(ledger).map(([name, points]) => [name, formatCount(points as number)]),
    ),
  );
  console.log(
    formatTable(
      ['killed', 'times'],
      Object.entries(kills).map(([n, c]) => [n, String(c)]),
    ),
  );
  const failedAttempts = accounts.reduce((sum, account) => sum + account.failedAttempts, 0);
  return {
    figures: { machine: describeMachine(), seed, kills, failedAttempts, ...ledger },
    goals: [
      atMost('points lost', ledger.lost, 0, 'points'),
      atMost('points doubled', ledger.doubled, 0, 'points'),
      atMost('points nobody sent', ledger.invented, 0, 'points'),
      atLeast('kills', total, 100, 'kills'),
    ],
  };
}
