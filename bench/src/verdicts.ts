import { parseArgs } from 'node:util';
import type { BenchResult, Goal } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount } from './harness/table.ts';
import { PHASE_PERCENTS } from './verdicts/campaign-race.ts';
import { measureControl } from './verdicts/control-report.ts';
import { measureGuards } from './verdicts/guard-report.ts';
import { measureOutcomes } from './verdicts/outcome-report.ts';
import { SEED } from './verdicts/settings.ts';
import { measureQuickFailures, measureRealControl, measureTimed } from './verdicts/timed-report.ts';

interface Part {
  readonly figures: unknown;
  readonly goals: readonly Goal[];
}

const noGoals = (figures: unknown): Part => ({ figures, goals: [] });

/** In the order in which they are told. */
const PARTS: Readonly<Record<string, (campaigns: number) => Part>> = {
  outcomes: measureOutcomes,
  realControl: (campaigns) => noGoals(measureRealControl(campaigns)),
  timed: (campaigns) => noGoals(measureTimed(campaigns)),
  quickFailures: (campaigns) => noGoals(measureQuickFailures(campaigns)),
  control: (campaigns) => measureControl(campaigns, SEED),
  guards: (campaigns) => measureGuards(campaigns, SEED),
};

/**
 * Question: how often does each rule, read after every device, pause a good firmware, and how many
 * devices does a bad one reach? `-- verdicts --campaigns N` sets the campaigns per cell, `--part NAME`
 * (any number of times) asks for some of the parts.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { campaigns, parts } = readOptions(args);
  const machine = describeMachine();
  const startedAtMs = performance.now();
  console.log(
    `Pausing good and bad firmware: ${formatCount(campaigns)} campaigns per cell, ×100 for ten devices.`,
  );
  console.log(`Phases of ${PHASE_PERCENTS.join(', ')} %; seed ${SEED}; every rule looks after`);
  console.log('every device. Exposed: devices updated before the pause, the fleet without one.');
  console.log(
    'AWS counts over the whole job, so with a sample of 100 it never judges a fleet of 10.',
  );
  console.log(`Machine: ${JSON.stringify(machine)}\n`);
  const measured = parts.map((name) => ({ name, ...PARTS[name]?.(campaigns) }));
  const elapsedMs = Math.round(performance.now() - startedAtMs);
  console.log(`\nTook ${formatCount(elapsedMs)} ms.`);
  const figures = Object.fromEntries(measured.map(({ name, figures: of }) => [name, of]));
  return {
    figures: { machine, campaigns, seed: SEED, elapsedMs, ...figures },
    goals: measured.flatMap(({ goals = [] }) => goals),
  };
}

function readOptions(args: readonly string[]): { campaigns: number; parts: readonly string[] } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      campaigns: { type: 'string', default: '10000' },
      part: { type: 'string', multiple: true, default: Object.keys(PARTS) },
    },
  });
  const campaigns = Number(values.campaigns);
  if (!Number.isSafeInteger(campaigns) || campaigns < 1) {
    throw new Error(`--campaigns takes a whole number above 0, not ${values.campaigns}`);
  }
  const unknown = values.part.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) {
    throw new Error(`--part takes one of ${Object.keys(PARTS).join(', ')}, not ${unknown}`);
  }
  return { campaigns, parts: values.part };
}
