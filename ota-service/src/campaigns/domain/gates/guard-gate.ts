import { GUARD_METRICS, type GuardMetric, type Guards } from '@flotilla/contracts';
import { EVEN_MIXTURE, outcomeLogE } from './outcome-e-process.ts';

/** Chance of a false pause, per round, that all guards together may use up. */
const GUARDS_SHARE = 0.05;
export const GUARD_LOG_E_LIMIT = Math.log(GUARD_METRICS.length / GUARDS_SHARE);

/** Without any effect a device lies above its control as often as below. */
const EVEN = 0.5;
/** So many controls of a device must have told the signal, or it has none. */
const MIN_CONTROLS = 3;
/** Above this share of silent devices nothing is said to be well. */
const MAX_MISSING_SHARE = 0.2;
/** Counts are compared as ratios; this many are added to each, so that few say little. */
const COUNT_FLOOR = 3;

/** One signal of one device; null where it did not tell it. */
export interface BeforeAfter {
  readonly before: number | null;
  readonly after: number | null;
}
export type DeviceReadings = Readonly<Record<GuardMetric, BeforeAfter>>;

/** An updated device beside devices of its model and group that were not updated, over the same time. */
export interface GuardPair {
  readonly deviceId: string;
  readonly controlIds: readonly string[];
  readonly updated: DeviceReadings;
  readonly controls: readonly DeviceReadings[];
}

export interface GuardObservation {
  /** Pairs whose windows are over, each device in one of them only. */
  readonly pairs: readonly GuardPair[];
  /** Updated devices whose windows are not over yet. */
  readonly waiting: number;
  /** When the last of those is over; milliseconds since the epoch, null when none waits. */
  readonly waitUntilMs: number | null;
  /** Updated devices for which no control is left. */
  readonly unpaired: number;
}

export type GuardStatus = 'clear' | 'breached' | 'missing' | 'too_few' | 'not_available';

export interface GuardEvidence {
  readonly metric: GuardMetric;
  readonly status: GuardStatus;
  readonly limit: number;
  /** Devices compared. */
  readonly devices: number;
  /** Of those, how many got worse by more than the limit beyond their control. */
  readonly worse: number;
  /** Updated devices that do not tell the signal any more. */
  readonly missing: number;
  /** What happened to the typical device, in the limit's unit; null without any. */
  readonly median: number | null;
  /** It is at least this, however often one looks; null while that many devices cannot tell. */
  readonly atLeast: number | null;
  readonly logE: number;
  readonly logELimit: number;
}

export interface GuardsEvidence {
  readonly metrics: readonly GuardEvidence[];
  /** Updated devices whose windows are over and that have a control. */
  readonly compared: number;
  readonly waiting: number;
  readonly waitUntilMs: number | null;
  readonly unpaired: number;
}

/**
 * Did the typical updated device get worse by more than the limit? For each device the change over its
 * update, less the median change of its own controls over the same time, so what happens to the whole
 * fleet cancels (difference in differences). Each device gives one bit, worse by more than the limit or
 * not, at a moment fixed beforehand; were the typical change within the limit, the bit would be no more
 * likely than a coin's. An e-process over these bits bounds the chance of a false pause however often
 * one looks, whatever the distribution of the signal, and turned around it bounds the effect from below.
 */
export function weighGuards(guards: Guards, observation: GuardObservation): GuardsEvidence {
  const metrics = GUARD_METRICS.flatMap((metric) => {
    const limit = guards.limits[metric];
    return limit === null ? [] : [weigh(metric, limit, observation.pairs)];
  });
  const { pairs, waiting, waitUntilMs, unpaired } = observation;
  return { metrics, compared: pairs.length, waiting, waitUntilMs, unpaired };
}

function weigh(metric: GuardMetric, limit: number, pairs: readonly GuardPair[]): GuardEvidence {
  const changes: number[] = [];
  let missing = 0;
  let isTold = false;
  for (const pair of pairs) {
    const own = pair.updated[metric];
    const controls = pair.controls
      .map((control) => changeOf(metric, control[metric]))
      .filter(isKnown);
    const change = changeOf(metric, own);
    isTold ||= own.before !== null || own.after !== null || controls.length > 0;
    if (change !== null && controls.length >= MIN_CONTROLS) changes.push(change - median(controls));
    else if (own.after === null && (own.before !== null || controls.length >= MIN_CONTROLS))
      missing += 1;
  }
  const bound = metric === 'errorLogRate' ? Math.log(limit) : limit;
  const worse = changes.filter((change) => change > bound).length;
  const logE = changes.length === 0 ? 0 : coinLogE(worse, changes.length - worse);
  const atLeast = lowerBound(changes);
  const shown = (value: number): number => (metric === 'errorLogRate' ? Math.exp(value) : value);
  const status = (): GuardStatus => {
    if (logE >= GUARD_LOG_E_LIMIT) return 'breached';
    if (!isTold && pairs.length > 0) return 'not_available';
    if (missing > MAX_MISSING_SHARE * pairs.length) return 'missing';
    return couldBreach(changes.length) ? 'clear' : 'too_few';
  };
  return {
    metric,
    status: status(),
    limit,
    devices: changes.length,
    worse,
    missing,
    median: changes.length === 0 ? null : shown(median(changes)),
    atLeast: atLeast === null ? null : shown(atLeast),
    logE,
    logELimit: GUARD_LOG_E_LIMIT,
  };
}

/** How much worse, in the unit of the metric's limit; for error logs the logarithm of the ratio. */
function changeOf(metric: GuardMetric, { before, after }: BeforeAfter): number | null {
  if (before === null || after === null) return null;
  if (metric === 'errorLogRate') return Math.log((after + COUNT_FLOOR) / (before + COUNT_FLOOR));
  const isBetterHigher = metric === 'batteryDrain' || metric === 'connectivity';
  return isBetterHigher ? before - after : after - before;
}

/** The largest limit that these changes would still break. */
function lowerBound(changes: readonly number[]): number | null {
  const falling = changes.toSorted((a, b) => b - a);
  const needed = falling.findIndex(
    (_change, index) => coinLogE(index + 1, falling.length - index - 1) >= GUARD_LOG_E_LIMIT,
  );
  return needed === -1 ? null : (falling[needed] ?? null);
}

/** Evidence against a coin that shows "worse" at most every other time. */
function coinLogE(worse: number, others: number): number {
  return outcomeLogE(worse, others, EVEN, EVEN_MIXTURE);
}

/** Whether so many devices could show anything if all of them got worse. */
function couldBreach(devices: number): boolean {
  return coinLogE(devices, 0) >= GUARD_LOG_E_LIMIT;
}

function isKnown(value: number | null): value is number {
  return value !== null;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
