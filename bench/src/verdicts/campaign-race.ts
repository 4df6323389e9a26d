import { phaseSizes } from '@flotilla/ota-service/src/campaigns/domain/campaign-plan.ts';
import { exceedsByMoreThanChance } from '@flotilla/ota-service/src/campaigns/domain/gates/limit-and-chance.ts';
import { geometricGaps, uniform } from '../harness/random.ts';
import { boundaryOf, eProcessTable, judgedPause, LIMIT } from './shipped-policy.ts';

export const PHASE_PERCENTS = [1, 10, 100];
/** Minimum samples of the fixed threshold; 10 stands for itself, 100 for AWS IoT Jobs. */
export const MIN_SAMPLES = [10, 25, 50, 100, 150, 200, 250, 300, 400, 500, 1000, 2000];
/** The minimum sample of the shipped judge's second setting. */
const SHORT_MIN_SAMPLE = 10;

/** The shipped judge as it comes: no minimum sample, the limit judges what chance does not explain. */
export const SHIPPED = 0;
export const SHORT_SAMPLE = 1;
export const GATE_ALONE = 2;
export const HAWKBIT = 3;
const FIXED = 4;
const MANN_WHITNEY = FIXED + MIN_SAMPLES.length;
/** One-sided levels of the repeated Mann-Whitney, and the standard normal's quantiles that belong to them. */
export const MANN_WHITNEY_LEVELS = [0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 1e-4, 1e-5] as const;
const MANN_WHITNEY_Z = [1.6449, 2.0537, 2.3263, 2.5758, 2.8782, 3.0902, 3.719, 4.2649];
/** Beyond so many devices it is not read any more; that spares it false pauses, and us much time. */
const MANN_WHITNEY_HORIZON = 100_000;
/** Waiting devices that are watched beside each updated one. */
const CONTROLS_PER_DEVICE = 10;
export const RULE_COUNT = MANN_WHITNEY + MANN_WHITNEY_LEVELS.length;

export function fixedRule(minSample: number): number {
  return FIXED + MIN_SAMPLES.indexOf(minSample);
}

export function mannWhitneyRule(level: (typeof MANN_WHITNEY_LEVELS)[number]): number {
  return MANN_WHITNEY + MANN_WHITNEY_LEVELS.indexOf(level);
}

export interface Cell {
  readonly devices: number;
  readonly failureProbability: number;
  /** Of a device that waits, in the same time; only the Mann-Whitney looks at those. */
  readonly controlProbability: number;
  /** A look after every so many devices, and at each phase's end. */
  readonly lookEvery: number;
  readonly campaigns: number;
  readonly seed: number;
}

/**
 * Runs all rules over the same campaigns and returns, rule by rule, after how many devices each
 * campaign paused; Infinity when it never did. Devices finish one after the other, phase after
 * phase, and every rule looks after each of them, or after some. Only failures, and the moment a minimum sample is
 * full, can tip a rule, so the simulation jumps from one to the next.
 */
export function raceRules(cell: Cell, checkedCampaigns: number): Float64Array[] {
  const sizes = phaseSizes(cell.devices, PHASE_PERCENTS);
  const pausedAt = Array.from({ length: RULE_COUNT }, () =>
    new Float64Array(cell.campaigns).fill(Infinity),
  );
  const course = new Course(sizes, cell);
  const one = new Float64Array(RULE_COUNT);
  for (let campaign = 0; campaign < cell.campaigns; campaign++) {
    const isChecked = cell.lookEvery === 1 && campaign < checkedCampaigns;
    const failures: number[] | null = isChecked ? [] : null;
    course.run(one, failures);
    one.forEach((at, rule) => ((pausedAt[rule] ?? one)[campaign] = at));
    if (failures !== null) {
      check(sizes, failures, one[SHIPPED] ?? NaN, null);
      check(sizes, failures, one[SHORT_SAMPLE] ?? NaN, SHORT_MIN_SAMPLE);
    }
  }
  return pausedAt;
}

class Course {
  readonly #sizes: readonly number[];
  readonly #nextGap: () => number;
  readonly #eLimit: Float64Array;
  readonly #boundaries: readonly number[];
  readonly #groupLimits: readonly number[];
  readonly #chanceLimits: readonly number[];
  readonly #minSamples: readonly number[];
  readonly #lookEvery: number;
  readonly #nextControlGap: () => number;

  constructor(sizes: readonly number[], cell: Cell) {
    const { devices, failureProbability, controlProbability, lookEvery } = cell;
    this.#sizes = sizes;
    this.#lookEvery = lookEvery;
    this.#nextControlGap = geometricGaps(uniform(cell.seed + 1), controlProbability);
    this.#nextGap = geometricGaps(uniform(cell.seed), failureProbability);
    const mean = devices * failureProbability;
    this.#eLimit = eProcessTable(Math.min(devices, Math.ceil(mean + 10 * Math.sqrt(mean) + 20)));
    const own = sizes.map((size, index) => size - (sizes[index - 1] ?? 0));
    this.#boundaries = own.map((size, i) => (size > 0 ? boundaryOf(size, i + 1, own.length) : 1));
    this.#groupLimits = own.map((size) => leastFailures(size, (n) => n / size > LIMIT));
    this.#chanceLimits = own.map((size) =>
      leastFailures(size, (n) => exceedsByMoreThanChance(n, size, LIMIT)),
    );
    const [first = 0] = sizes;
    // The plain threshold takes a first phase smaller than its sample whole; the others wait.
    this.#minSamples = MIN_SAMPLES.map((sample) =>
      sample === SHORT_MIN_SAMPLE ? Math.min(sample, first) : sample,
    );
  }

  run(pausedAt: Float64Array, recorded: number[] | null): void {
    const sizes = this.#sizes;
    const devices = sizes.at(-1) ?? 0;
    pausedAt.fill(Infinity);
    const pause = (rule: number, at: number): void => {
      if (at < (pausedAt[rule] ?? 0)) pausedAt[rule] = at;
    };
    let phase = 0;
    let begin = 0;
    let before = 0;
    let failures = 0;
    let sampleIndex = 0;
    let shortSampleEnd = this.#look(this.#shortSample(0), 0);
    let controlFailures = 0;
    let nextControl = this.#nextControlGap();
    for (let at = this.#nextGap(); ; at += this.#nextGap()) {
      // Samples that fill up before this failure are judged with the failures so far.
      for (; sampleIndex < MIN_SAMPLES.length; sampleIndex++) {
        const sample = this.#look(this.#minSamples[sampleIndex] ?? 0, phase);
        if (sample >= at || sample > devices) break;
        if (failures / sample >= LIMIT) pause(FIXED + sampleIndex, sample);
      }
      for (;;) {
        if (shortSampleEnd < at) {
          const share = (failures - before) / (shortSampleEnd - begin);
          if (share > LIMIT) pause(SHORT_SAMPLE, shortSampleEnd);
          shortSampleEnd = Infinity;
        }
        const end = sizes[phase] ?? Infinity;
        if (at <= end || end === devices) break;
        phase++;
        begin = end;
        before = failures;
        shortSampleEnd = this.#look(end + this.#shortSample(phase), phase);
      }
      if (at > devices) return;
      failures++;
      recorded?.push(at);
      const inPhase = failures - before;
      const seenAt = this.#look(at, phase);
      const isSignificant =
        seenAt <= (this.#eLimit[failures] ?? 0) || inPhase >= (this.#boundaries[phase] ?? Infinity);
      const isAboveGroupLimit = inPhase >= (this.#groupLimits[phase] ?? Infinity);
      if (isSignificant) pause(GATE_ALONE, seenAt);
      if (isAboveGroupLimit) pause(HAWKBIT, seenAt);
      const isBeyondChance = inPhase >= (this.#chanceLimits[phase] ?? Infinity);
      if (isSignificant || isBeyondChance) pause(SHIPPED, seenAt);
      const inPhaseSeen = seenAt - begin;
      const isAboveRate = inPhaseSeen >= this.#shortSample(phase) && inPhase / inPhaseSeen > LIMIT;
      if (isSignificant || isAboveGroupLimit || isAboveRate) pause(SHORT_SAMPLE, seenAt);
      if (failures / seenAt >= LIMIT) {
        for (let i = 0; i < MIN_SAMPLES.length && (this.#minSamples[i] ?? 0) <= seenAt; i++) {
          pause(FIXED + i, seenAt);
        }
      }
      if (seenAt >= (this.#minSamples[0] ?? 0) && seenAt <= MANN_WHITNEY_HORIZON) {
        const ofControl = CONTROLS_PER_DEVICE * seenAt;
        for (; nextControl <= ofControl; nextControl += this.#nextControlGap()) controlFailures++;
        const z = mannWhitneyZ(failures, seenAt, controlFailures, ofControl);
        for (let i = 0; z > (MANN_WHITNEY_Z[i] ?? Infinity); i++) pause(MANN_WHITNEY + i, seenAt);
      }
      // Nothing pauses earlier than now: a campaign that every rule paused is over.
      if (isAboveGroupLimit && pausedAt.every(Number.isFinite)) return;
    }
  }

  /** When the outcome of the device `at` is seen: at the next look, the phase's end at the latest. */
  #look(at: number, phase: number): number {
    const end = this.#sizes[phase] ?? at;
    const look = Math.ceil(at / this.#lookEvery) * this.#lookEvery;
    return at <= end ? Math.min(look, end) : look;
  }

  /** Devices of a phase that the short sample waits for before it reads the limit. */
  #shortSample(phase: number): number {
    const size = (this.#sizes[phase] ?? 0) - (this.#sizes[phase - 1] ?? 0);
    return Math.min(SHORT_MIN_SAMPLE, Math.max(1, size));
  }
}

/**
 * The Mann-Whitney statistic of updated against waiting devices where each only failed or did not,
 * standardised with its correction for ties; large when updated ones fail more often.
 */
function mannWhitneyZ(
  failed: number,
  of: number,
  controlFailed: number,
  ofControl: number,
): number {
  const all = of + ofControl;
  const share = (failed + controlFailed) / all;
  const variance = share * (1 - share) * (1 / of + 1 / ofControl) * (all / (all - 1));
  return (failed / of - controlFailed / ofControl) / Math.sqrt(variance);
}

/** The fewest failures of a phase that break a limit; beyond its size none does. */
function leastFailures(size: number, breaks: (failures: number) => boolean): number {
  let failures = Math.floor(size * LIMIT);
  while (failures <= size && !breaks(failures)) failures++;
  return failures;
}

const CHECKED_LOOKS = 60;

/** The short cuts above must decide as the shipped judge: it pauses there, and at no look before. */
function check(
  sizes: readonly number[],
  failures: readonly number[],
  pausedAt: number,
  minSample: number | null,
): void {
  const end = Number.isFinite(pausedAt) ? pausedAt : Infinity;
  const looks = failures.flatMap((at) => [at - 1, at]).filter((at) => at > 0 && at < end);
  const early = looks.slice(-CHECKED_LOOKS).find((at) => {
    return judgedPause(sizes, failures, at, minSample);
  });
  const misses = Number.isFinite(end) && !judgedPause(sizes, failures, end, minSample);
  if (early !== undefined || misses) {
    const what = early === undefined ? 'does not pause' : `pauses at ${early} already, not`;
    throw new Error(`the shipped judge ${what} at ${pausedAt} of ${sizes.join(', ')}`);
  }
}
