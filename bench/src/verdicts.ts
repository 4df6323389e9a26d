import { parseArgs } from 'node:util';
import { atMost, type BenchResult, type Goal } from './harness/bench.ts';
import { describeMachine } from './harness/machine.ts';
import { formatCount, formatTable } from './harness/table.ts';
import {
  fixedRule,
  GATE_ALONE,
  HAWKBIT,
  MANN_WHITNEY_LEVELS,
  mannWhitneyRule,
  MIN_SAMPLES,
  PHASE_PERCENTS,
  raceRules,
  SHIPPED,
  SHORT_SAMPLE,
} from './verdicts/campaign-race.ts';
import { measureControl } from './verdicts/control-report.ts';
import { measureGuards } from './verdicts/guard-report.ts';
import { raceQuickFailures } from './verdicts/quick-failures.ts';

const FLEETS = [10, 1000, 100_000, 1_000_000];
const BASE = [0.005, 0.01, 0.02];
const BAD = [0.05, 0.1, 0.2];
const SEED = 20261124;
const CHECKED_CAMPAIGNS = 10;
/** Campaigns of fewer devices are cheap and their rates near the limit: more of them are run. */
const SMALL_FLEET = 1000;
const FALSE_PAUSE_LIMIT = 0.05;
/**
 * How often the waiting devices fail that the Mann-Whitney compares with: as often as good firmware. That
 * is the best case for it, since waiting devices have no update that could fail. With bad firmware: as
 * often as good firmware does at most, which is where every rule's false pauses are held against the limit.
 */
const CONTROL_OF_BAD = 0.02;
/** One device a second starts, and the gate looks every ten seconds. */
const TIMED_LOOK_EVERY = 10;

const AWS_MIN_SAMPLE = 100;
const SHOWN = [
  { rule: SHIPPED, name: 'flotilla: 5 % beyond chance + gate (defaults)' },
  { rule: SHORT_SAMPLE, name: 'flotilla: 5 % from 10 on + gate' },
  { rule: GATE_ALONE, name: 'flotilla: outcome gate alone' },
  { rule: fixedRule(10), name: 'fixed 5 %, at least 10' },
  { rule: HAWKBIT, name: 'hawkBit: above 5 % of the group' },
  { rule: fixedRule(AWS_MIN_SAMPLE), name: 'AWS IoT Jobs: 5 %, at least 100' },
  { rule: mannWhitneyRule(0.05), name: 'Mann-Whitney 5 %, repeated, against 10 each' },
] as const;
/**
 * The plain threshold from 10 on and the Mann-Whitney are shown, but their early pauses are no measure:
 * they pause up to half of all good firmware.
 */
const PEERS = SHOWN.slice(4, 6);

interface Row {
  readonly devices: number;
  readonly failureProbability: number;
  /** Share of campaigns paused: false pauses for a base rate, detections for a bad firmware. */
  readonly pauseRates: readonly number[];
  readonly medians: readonly number[];
  readonly p95s: readonly number[];
}

/**
 * Question: how often does each rule, read after every device, pause a good firmware, and how many
 * devices does a bad one reach? `-- verdicts --campaigns N` sets the campaigns per cell.
 */
export async function run(args: readonly string[]): Promise<BenchResult> {
  const { values } = parseArgs({ args: [...args], options: { campaigns: { type: 'string' } } });
  const campaigns = Number(values.campaigns ?? '10000');
  if (!Number.isSafeInteger(campaigns) || campaigns < 1) {
    throw new Error(`--campaigns takes a whole number above 0, not ${values.campaigns ?? ''}`);
  }
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
  const rows = measure(campaigns);
  printRows(rows);
  const matched = matchPeers(rows);
  printMatched(matched);
  const realControl = measureRealControl(campaigns);
  const timed = measureTimed(campaigns);
  const quickFailures = measureQuickFailures(campaigns);
  const control = measureControl(campaigns, SEED);
  const guards = measureGuards(campaigns, SEED);
  const elapsedMs = Math.round(performance.now() - startedAtMs);
  console.log(`\nTook ${formatCount(elapsedMs)} ms.`);
  return {
    figures: {
      machine,
      campaigns,
      seed: SEED,
      elapsedMs,
      cells: shown(rows),
      matched,
      realControl,
      timed,
      quickFailures,
      control: control.figures,
      guards: guards.figures,
    },
    goals: [
      ...falsePauseGoals(rows),
      ...exposureGoals(rows, matched),
      ...control.goals,
      ...guards.goals,
    ],
  };
}

function measure(campaigns: number): Row[] {
  const rows: Row[] = [];
  for (const devices of FLEETS) {
    for (const failureProbability of [...BASE, ...BAD]) {
      const seed = SEED + 1000 * rows.length;
      const count = campaigns * Math.max(1, SMALL_FLEET / devices);
      const isBase = BASE.includes(failureProbability);
      const controlProbability = isBase ? failureProbability : CONTROL_OF_BAD;
      const cell = { devices, failureProbability, controlProbability, campaigns: count, seed };
      const pausedAt = raceRules({ ...cell, lookEvery: 1 }, CHECKED_CAMPAIGNS);
      const exposed = pausedAt.map((rule) => rule.map((at) => Math.min(at, devices)).sort());
      rows.push({
        devices,
        failureProbability,
        pauseRates: pausedAt.map((rule) => rule.filter(Number.isFinite).length / count),
        medians: exposed.map((sorted) => quantile(sorted, 0.5)),
        p95s: exposed.map((sorted) => quantile(sorted, 0.95)),
      });
    }
  }
  return rows;
}

function printRows(rows: readonly Row[]): void {
  for (const devices of FLEETS) {
    const cells = rows.filter((row) => row.devices === devices);
    const good = cells.filter(({ failureProbability }) => BASE.includes(failureProbability));
    const bad = cells.filter(({ failureProbability }) => BAD.includes(failureProbability));
    const head = [
      `${formatCount(devices)} devices`,
      ...good.map((row) => `false pause ${percent(row.failureProbability)}`),
      ...bad.flatMap((row) => [`found ${percent(row.failureProbability)}`, 'exposed', 'p95']),
    ];
    const body = SHOWN.map(({ name, rule }) => [
      name,
      ...good.map((row) => percent(row.pauseRates[rule] ?? NaN)),
      ...bad.flatMap((row) => [
        percent(row.pauseRates[rule] ?? NaN),
        formatCount(row.medians[rule] ?? NaN),
        formatCount(row.p95s[rule] ?? NaN),
      ]),
    ]);
    console.log(`${formatTable(head, body)}\n`);
  }
}

interface Matched {
  readonly devices: number;
  /** Null when no minimum sample tried brings the false pauses under the limit. */
  readonly minSample: number | null;
  readonly falsePauseRate: number | null;
  readonly exposedMedian: number | null;
  /** Null when no level tried brings the repeated Mann-Whitney under the limit. */
  readonly mannWhitneyLevel: number | null;
  readonly mannWhitneyFalsePauseRate: number | null;
  readonly mannWhitneyExposedMedian: number | null;
  readonly hawkBitFalsePauseRate: number;
  readonly hawkBitExposedMedian: number;
  readonly flotillaFalsePauseRate: number;
  readonly flotillaExposedMedian: number;
}

/**
 * Early pauses are cheap for a rule that pauses good firmware as well. So the percentage threshold,
 * which is AWS's rule too, gets the smallest minimum sample that keeps its false pauses in bounds, and
 * the Mann-Whitney the weakest level.
 */
function matchPeers(rows: readonly Row[]): Matched[] {
  return [100_000, 1_000_000].map((devices) => {
    const worst = (rule: number): number => worstFalsePause(rows, devices, rule);
    const bad = find(rows, devices, 0.1);
    const minSample =
      MIN_SAMPLES.find((sample) => worst(fixedRule(sample)) <= FALSE_PAUSE_LIMIT) ?? null;
    const rule = minSample === null ? null : fixedRule(minSample);
    const level =
      MANN_WHITNEY_LEVELS.find((one) => worst(mannWhitneyRule(one)) <= FALSE_PAUSE_LIMIT) ?? null;
    const peer = level === null ? null : mannWhitneyRule(level);
    return {
      mannWhitneyLevel: level,
      mannWhitneyFalsePauseRate: peer === null ? null : worst(peer),
      mannWhitneyExposedMedian: peer === null ? null : (bad.medians[peer] ?? NaN),
      devices,
      minSample,
      falsePauseRate: rule === null ? null : worst(rule),
      exposedMedian: rule === null ? null : (bad.medians[rule] ?? NaN),
      hawkBitFalsePauseRate: worst(HAWKBIT),
      hawkBitExposedMedian: bad.medians[HAWKBIT] ?? NaN,
      flotillaFalsePauseRate: worst(SHIPPED),
      flotillaExposedMedian: bad.medians[SHIPPED] ?? NaN,
    };
  });
}

function printMatched(matched: readonly Matched[]): void {
  console.log('Bad 10 %, with every rule held to at most 5 % false pauses (worst base rate):');
  for (const m of matched) {
    const peer =
      m.minSample === null || m.falsePauseRate === null
        ? `5 % threshold: no minimum sample up to ${MIN_SAMPLES.at(-1) ?? 0} keeps it in bounds`
        : `5 % of at least ${m.minSample}: ${formatCount(m.exposedMedian)} exposed (${percent(m.falsePauseRate)} false)`;
    const hawkBit = `hawkBit ${formatCount(m.hawkBitExposedMedian)} (${percent(m.hawkBitFalsePauseRate)})`;
    const mannWhitney =
      m.mannWhitneyLevel === null || m.mannWhitneyFalsePauseRate === null
        ? 'Mann-Whitney: no level tried keeps it in bounds'
        : `Mann-Whitney ${m.mannWhitneyLevel}: ${formatCount(m.mannWhitneyExposedMedian)} (${percent(m.mannWhitneyFalsePauseRate)})`;
    const own = `flotilla ${formatCount(m.flotillaExposedMedian)} (${percent(m.flotillaFalsePauseRate)})`;
    console.log(`  ${formatCount(m.devices)} devices: ${own}; ${peer}; ${hawkBit}; ${mannWhitney}`);
  }
}

/** Waiting devices fail less often than updates do, since nothing is written on them. */
const REAL_CONTROL = 0.005;

function measureRealControl(campaigns: number): Readonly<Record<string, unknown>>[] {
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
function measureTimed(campaigns: number): Readonly<Record<string, unknown>>[] {
  console.log(
    '\nA look every 10 s, one device starting each second; seconds to the pause (median):',
  );
  const figures: Readonly<Record<string, unknown>>[] = [];
  const body = SHOWN.map(({ name }) => [name]);
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

function measureQuickFailures(campaigns: number): Readonly<Record<string, unknown>>[] {
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

function falsePauseGoals(rows: readonly Row[]): Goal[] {
  return FLEETS.flatMap((devices) =>
    BASE.map((base) => {
      const rate = find(rows, devices, base).pauseRates[SHIPPED] ?? NaN;
      const name = `false pauses, ${formatCount(devices)} devices, ${percent(base)} failures`;
      return atMost(name, round(100 * rate), 100 * FALSE_PAUSE_LIMIT, '%');
    }),
  );
}

function exposureGoals(rows: readonly Row[], matched: readonly Matched[]): Goal[] {
  const asSet = [100_000, 1_000_000].flatMap((devices) => {
    const { medians } = find(rows, devices, 0.1);
    return PEERS.map(({ name, rule }) =>
      fewer(`exposed, ${formatCount(devices)} devices, bad 10 %, against ${name}`, medians, rule),
    );
  });
  const inBounds = matched.flatMap((m) => {
    const where = `exposed, ${formatCount(m.devices)} devices, bad 10 %, at most 5 % false pauses`;
    const peer = {
      name: `${where}, against 5 % of at least ${m.minSample ?? 'more'}`,
      at: m.exposedMedian,
    };
    const hawkBit = { name: `${where}, against hawkBit`, at: m.hawkBitExposedMedian };
    const mannWhitney = {
      name: `${where}, against Mann-Whitney at ${m.mannWhitneyLevel ?? 'none'}`,
      at: m.mannWhitneyExposedMedian,
    };
    return [peer, hawkBit, mannWhitney].map(({ name, at }) =>
      atMost(name, m.flotillaExposedMedian, (at ?? Infinity) - 1, 'devices'),
    );
  });
  return [...asSet, ...inBounds];
}

/** Fewer means one less at most. */
function fewer(name: string, medians: readonly number[], rule: number): Goal {
  return atMost(name, medians[SHIPPED] ?? NaN, (medians[rule] ?? NaN) - 1, 'devices');
}

function worstFalsePause(rows: readonly Row[], devices: number, rule: number): number {
  return Math.max(...BASE.map((base) => find(rows, devices, base).pauseRates[rule] ?? NaN));
}

function find(rows: readonly Row[], devices: number, failureProbability: number): Row {
  const row = rows.find(
    (candidate) =>
      candidate.devices === devices && candidate.failureProbability === failureProbability,
  );
  if (row === undefined) throw new Error(`no cell of ${devices} at ${failureProbability}`);
  return row;
}

function shown(rows: readonly Row[]): Readonly<Record<string, unknown>>[] {
  return rows.flatMap((row) =>
    SHOWN.map(({ name, rule }) => ({
      devices: row.devices,
      failureProbability: row.failureProbability,
      rule: name,
      pauseRate: row.pauseRates[rule],
      exposedMedian: row.medians[rule],
      exposedP95: row.p95s[rule],
    })),
  );
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function percent(share: number): string {
  return `${round(100 * share)} %`;
}
