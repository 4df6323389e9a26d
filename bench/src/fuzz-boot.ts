// Damages boot environments of all three formats in known ways and asks what would start then.
import { FUZZED_FORMATS, fuzzBoot } from '@flotilla/device-agent/src/testing/boot-fuzz.ts';
import { atLeast, atMost, type BenchResult } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { uniform } from './harness/random.ts';
import { formatCount, formatTable } from './harness/table.ts';

const SEED = 20261124;
const INPUTS_EACH = 100_000;
const WARM_INPUTS = 5_000;
const MIB = 1024 * 1024;

/** `run(['1000'])` takes so many inputs of each format. */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const inputs = Number(args[0] ?? INPUTS_EACH);
  const random = uniform(SEED);
  for (const format of FUZZED_FORMATS) fuzzBoot(format, WARM_INPUTS, random);
  const warmBytes = process.memoryUsage().rss;
  let highestBytes = warmBytes;
  const all = FUZZED_FORMATS.map((format) => {
    const counts = fuzzBoot(format, inputs, random);
    highestBytes = Math.max(highestBytes, process.memoryUsage().rss);
    return { format, ...counts };
  });
  const rows = all.map(({ format, newer, older, stale, lost, violations }) =>
    [formatCount(inputs), newer, older, stale, lost, violations.length]
      .map(String)
      .toSpliced(0, 0, format),
  );
  console.log(
    formatTable(
      ['environment', 'inputs', 'newer', 'older', 'stale', 'both lost', 'violations'],
      rows,
    ),
  );
  const violations = all.flatMap((one) => one.violations);
  for (const violation of violations) console.log(violation);
  const growthMiB = Math.round((highestBytes - warmBytes) / MIB);
  return Promise.resolve({
    figures: { formats: all, growthMiB, seed: SEED, ...describeMachine() },
    goals: [
      atLeast('inputs', inputs * all.length, 100_000, 'inputs'),
      atMost('crashes and starts of slots that nothing allows', violations.length, 0, 'inputs'),
      atMost('growth of the resident memory', growthMiB, 64, 'MiB'),
    ],
  });
}
