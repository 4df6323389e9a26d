import { formatCount, formatTable } from '../harness/table.ts';
import { MANN_WHITNEY_LEVELS, mannWhitneyRule, raceRules, SHIPPED } from './campaign-race.ts';
import { raceQuickFailures } from './quick-failures.ts';
import { BAD, BASE, CONTROL_OF_BAD, percent, quantile, SEED, SHOWN } from './settings.ts';

/** One device a second starts, and the gate looks every ten seconds. */
const TIMED_LOOK_EVERY = 10;

/** Waiting devices fail less often than updates do, since nothing is written on them. */
const REAL_CONTROL = 0.005;

export function measureRealControl(campaigns: number): Readonly<Record<string, unknown>>[] {
  const cell = { devices: 100_000, failureProbability: 0.02, controlProbability: REAL_CONTROL };
  const pausedAt = raceRules({ ...cell, campaigns, lookEvery: 1, seed: SEED + 400 }, 0);
  console.log(
    '\nGood firmware whose updates fail 2 %, while waiting devices fail 0.5 %, 100,000 devices:',
  );
  return [SHIPPED, ...MANN_WHITNEY_LEVELS.map(mannWhitneyRule)].map((rule, index) => {
    const level = MANN_WHITNEY_LEVELS[index - 1] ?? null;
    const name = level === null ? 'flotilla' : `Mann-Whitney at ${level}`;
    const pauseRate =
      (pausedAt[rule] ?? new Float64Array()).filter(Number.isFinite).length / campaigns;
    console.log(`  ${name}: ${percent(pauseRate)} false pauses`);
    return { ...cell, rule: name, pauseRate };
  });
}

/** The same with a look every ten seconds, one device starting each second: how long until the pause? */
export function measureTimed(campaigns: number): Readonly<Record<string, unknown>>[] {
  console.log(
    '\nA look every 10 s, one device starting each second; seconds to the pause (median):',
  );
  const figures: Readonly<Record<string, unknown>>[] = [];
  const body = SHOWN.map(({ name }): string[] => [name]);
  const cells = [1000, 100_000].flatMap((devices) =>
    [...BASE.slice(-1), ...BAD].map((probability) => ({ devices, probability })),
  );
  for (const [index, { devices, probability }] of cells.entries()) {
    const isBase = BASE.includes(probability);
    const controlProbability = isBase ? probability : CONTROL_OF_BAD;
    const setting = { devices, failureProbability: probability, controlProbability, campaigns };
    const lookEvery = TIMED_LOOK_EVERY;
    const pausedAt = raceRules({ ...setting, lookEvery, seed: SEED + 500 + index }, 0);
    for (const [row, { name, rule }] of SHOWN.entries()) {
      const seconds = (pausedAt[rule] ?? new Float64Array()).toSorted();
      const pauseRate = seconds.filter(Number.isFinite).length / campaigns;
      const median = quantile(seconds, 0.5);
      const secondsToPause = Number.isFinite(median) ? median : null;
      figures.push({ ...setting, rule: name, pauseRate, secondsToPause });
      body[row]?.push(isBase ? percent(pauseRate) : formatCount(secondsToPause));
    }
  }
  const head = cells.map(({ devices, probability }) => {
    const what = BASE.includes(probability) ? 'false' : 'bad';
    return `${formatCount(devices)}, ${what} ${percent(probability)}`;
  });
  console.log(formatTable(['rule', ...head], body));
  return figures;
}

export function measureQuickFailures(campaigns: number): Readonly<Record<string, unknown>>[] {
  const figures = [0.01, 0.02, 0.1].map((failureProbability, index) => {
    const setting = { canaries: 1000, phaseCount: 3, successDelay: 200, failureProbability };
    const outcome = raceQuickFailures({ ...setting, campaigns, seed: SEED + 77 + index });
    const of = (pausedAt: Float64Array) => ({
      pauseRate: pausedAt.filter(Number.isFinite).length / campaigns,
      startedMedian: quantile(pausedAt.map((at) => Math.min(at, setting.canaries)).sort(), 0.5),
    });
    const { finishedOnly, flotilla } = outcome;
    return { ...setting, finishedOnly: of(finishedOnly), flotilla: of(flotilla) };
  });
  console.log('\nFailures known at once, successes 200 starts later; 1,000 canaries:');
  const body = figures.map(({ failureProbability, finishedOnly, flotilla }) => [
    percent(failureProbability),
    percent(finishedOnly.pauseRate),
    formatCount(finishedOnly.startedMedian),
    percent(flotilla.pauseRate),
    formatCount(flotilla.startedMedian),
  ]);
  const head = ['failures', 'gate on finished', 'started', 'gate on started (ours)', 'started'];
  console.log(formatTable(head, body));
  return figures;
}
