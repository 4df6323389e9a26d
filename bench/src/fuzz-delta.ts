// Applies broken and forged patches by the hundred thousand; only typed refusals may come of them.
import { parseArgs } from 'node:util';
import { fuzzPatches } from '@flotilla/delta/testing/fuzz/fuzz-run.ts';
import { fuzzSeeds } from '@flotilla/delta/testing/fuzz/fuzz-seeds.ts';
import { PATCH_MUTATIONS } from '@flotilla/delta/testing/fuzz/patch-mutations.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';

const SEED = 20261124;
const WARM_INPUTS = 5000;
const MIB = 1024 * 1024;
/** The largest tables a header may ask for, once, and what the collector has not found yet. */
const RSS_GROWTH_MIB = 64;
/** For 512 KiB of target at most, through every model. */
const WORST_CPU_MS = 3000;

/** Arguments: `--inputs N`, `--seed N`. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      inputs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(SEED) },
    },
  });
  const inputs = Number(values.inputs);
  const seed = Number(values.seed);
  const seeds = fuzzSeeds();
  const kinds = PATCH_MUTATIONS.length;
  console.log(
    `${formatCount(inputs)} inputs: ${kinds} kinds of damage to ${seeds.length} patches. Seed ${seed}.`,
  );
  await fuzzPatches(seeds, Math.min(inputs, WARM_INPUTS), seed ^ 1);
  const before = process.memoryUsage().rss / MIB;
  let peak = before;
  const started = process.cpuUsage();
  const outcome = await fuzzPatches(seeds, inputs, seed, (i) => {
    if (i % 100 === 0) peak = Math.max(peak, process.memoryUsage().rss / MIB);
  });
  const cpuSeconds = process.cpuUsage(started).user / 1e6;
  const after = process.memoryUsage().rss / MIB;

  for (const surprise of outcome.surprises) console.log(`WRONG: ${surprise}`);
  const names = [...new Set([...outcome.counts.values()].flatMap((of) => [...of.keys()]))].sort();
  const rows = [...outcome.counts].map(([mutation, of]) => [
    mutation,
    ...names.map((name) => formatCount(of.get(name) ?? 0)),
  ]);
  console.log(`\n${formatTable(['damage', ...names], rows)}`);
  console.log(
    `\nResident before ${before.toFixed(1)}, at most ${peak.toFixed(1)}, after ${after.toFixed(1)} MiB; ` +
      `${cpuSeconds.toFixed(0)} s of CPU, ${outcome.worstCpuMs.toFixed(0)} ms for the slowest: ${outcome.worstInput}`,
  );
  const sent = [...outcome.counts.values()].flatMap((of) => [...of.values()]);
  const counts = Object.fromEntries(
    [...outcome.counts].map(([name, of]) => [name, Object.fromEntries(of)]),
  );
  return {
    figures: { machine: describeMachine(), seed, inputs, counts, before, peak, after, cpuSeconds },
    goals: [
      atMost('outcomes besides a typed error or the right target', outcome.surprises.length, 0, ''),
      atLeast(
        'inputs applied',
        sent.reduce((sum, n) => sum + n, 0),
        inputs,
        'inputs',
      ),
      atMost('growth of the peak', Number((peak - before).toFixed(1)), RSS_GROWTH_MIB, 'MiB'),
      atMost('CPU of the slowest input', Math.round(outcome.worstCpuMs), WORST_CPU_MS, 'ms'),
    ],
  };
}
