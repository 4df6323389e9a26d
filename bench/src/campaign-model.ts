import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { sequences } from '@flotilla/ota-service/test/campaigns/model/campaign-sequence.ts';
import { Registries } from '@flotilla/ota-service/test/campaigns/model/fleet.ts';
import { newTally, runSequence } from '@flotilla/ota-service/test/campaigns/model/run-sequence.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';

const WANTED_SEQUENCES = 10_000;
const SEED = 20261124;

const HEADER = `Does a campaign keep its promises, whatever happens and in whatever order?
Load: random sequences of operators' actions, alerts, polls, reports, evaluations with the warehouse there or not,
  clock jumps in both directions, restarts from the registry, and crashes before and after an append to the log;
  fleets of 1 to 12 devices and a few of another group. The service and its registry (SQLite) are the real ones.
Held after every step: no device outside target, phase, round or lifecycle is offered anything, none while the
  campaign does not run; no phase ends without an outcome of each of its devices or with too many failures; counts
  add up to the fleet; the audit log replays to the campaign; a restart changes nothing.`;

/** Arguments: `--sequences N`, `--seed N`. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sequences: { type: 'string', default: String(WANTED_SEQUENCES) },
      seed: { type: 'string', default: String(SEED) },
    },
  });
  const [count, seed] = [values.sequences, values.seed].map(Number) as [number, number];
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError('--sequences takes a number');
  const machine = describeMachine();
  console.log(`${HEADER}\nSeed ${seed}. Machine: ${JSON.stringify(machine)}`);
  const registries = await Registries.open();
  const tally = newTally();
  const startedAt = process.cpuUsage();
  try {
    const property = fc.asyncProperty(sequences, (one) => runSequence(registries, one, tally));
    const result = await fc.check(property, { numRuns: count, seed });
    const { user, system } = process.cpuUsage(startedAt);
    const cpuSeconds = Math.round((user + system) / 1e6);
    const report = await fc.asyncDefaultReportMessage(result);
    if (report !== undefined) console.log(report);
    const rows = Object.entries<number>({ ...tally }).map(([what, times]) => [
      what,
      formatCount(times),
    ]);
    console.log(`\n${formatTable(['happened', 'times'], rows)}`);
    console.log(`\n${formatCount(result.numRuns)} sequences took ${cpuSeconds} CPU-seconds.`);
    return {
      figures: { machine, seed, sequences: result.numRuns, cpuSeconds, tally },
      goals: [
        atMost('sequences that broke a promise', result.failed ? 1 : 0, 0, 'sequences'),
        ...(count >= WANTED_SEQUENCES
          ? [atLeast('sequences run', result.numRuns, WANTED_SEQUENCES, 'sequences')]
          : []),
      ],
    };
  } finally {
    await registries.close();
  }
}
