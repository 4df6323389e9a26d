import { atMost, type Goal } from '../harness/bench.ts';
import { formatCount, formatTable } from '../harness/table.ts';
import {
  fixedRule,
  HAWKBIT,
  MANN_WHITNEY_LEVELS,
  mannWhitneyRule,
  MIN_SAMPLES,
  raceRules,
  SHIPPED,
} from './campaign-race.ts';
import { BAD, BASE, CONTROL_OF_BAD, percent, quantile, round, SEED, SHOWN } from './settings.ts';

const FLEETS = [10, 1000, 100_000, 1_000_000];
const CHECKED_CAMPAIGNS = 10;
/** Campaigns of fewer devices are cheap and their rates near the limit: more of them are run. */
const SMALL_FLEET = 1000;
const FALSE_PAUSE_LIMIT = 0.05;

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

/** Each rule, read after every device: how often it pauses good firmware, and how many devices bad reaches. */
export function measureOutcomes(campaigns: number): {
  figures: Readonly<Record<string, unknown>>;
  goals: Goal[];
} {
  const rows = measure(campaigns);
  printRows(rows);
  const matched = matchPeers(rows);
  printMatched(matched);
  return {
    figures: { cells: shown(rows), matched },
    goals: [...falsePauseGoals(rows), ...exposureGoals(rows, matched)],
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
