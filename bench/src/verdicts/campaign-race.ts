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
export const RULE_COUNT = FIXED + MIN_SAMPLES.length;

export function fixedRule(minSample: number): number {
  return FIXED + MIN_SAMPLES.indexOf(minSample);
}

export interface Cell {
  readonly devices: number;
  readonly failureProbability: number;
  readonly campaigns: number;
  readonly seed: number;
}

/**
 * Runs all rules over the same campaigns and returns, rule by rule, after how many devices each
 * campaign paused; Infinity when it never did. Devices finish one after the other, phase after
 * phase, and every rule looks after each of them. Only failures, and the moment a minimum sample is
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
    const failures: number[] | null = campaign < checkedCampaigns ? [] : null;
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

  constructor(sizes: readonly number[], cell: Cell) {
    const { devices, failureProbability } = cell;
    this.#sizes = sizes;
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
    let shortSampleEnd = this.#shortSample(0);
    for (let at = this.#nextGap(); ; at += this.#nextGap()) {
      // Samples that fill up before this failure are judged with the failures so far.
      for (; sampleIndex < MIN_SAMPLES.length; sampleIndex++) {
        const sample = this.#minSamples[sampleIndex] ?? 0;
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
        shortSampleEnd = end + this.#shortSample(phase);
      }
      if (at > devices) return;
      failures++;
      recorded?.push(at);
      const inPhase = failures - before;
      const isSignificant =
        at <= (this.#eLimit[failures] ?? 0) || inPhase >= (this.#boundaries[phase] ?? Infinity);
      const isAboveGroupLimit = inPhase >= (this.#groupLimits[phase] ?? Infinity);
      if (isSignificant) pause(GATE_ALONE, at);
      if (isAboveGroupLimit) pause(HAWKBIT, at);
      if (isSignificant || inPhase >= (this.#chanceLimits[phase] ?? Infinity)) pause(SHIPPED, at);
      if (isSignificant || isAboveGroupLimit) {
        pause(SHORT_SAMPLE, at);
      } else if (at - begin >= this.#shortSample(phase) && inPhase / (at - begin) > LIMIT) {
        pause(SHORT_SAMPLE, at);
      }
      if (failures / at >= LIMIT) {
        for (let i = 0; i < MIN_SAMPLES.length && (this.#minSamples[i] ?? 0) <= at; i++) {
          pause(FIXED + i, at);
        }
      }
      // Nothing pauses earlier than now: a campaign that every rule paused is over.
      if (isAboveGroupLimit && pausedAt.every(Number.isFinite)) return;
    }
  }

  /** Devices of a phase that the short sample waits for before it reads the limit. */
  #shortSample(phase: number): number {
    const size = (this.#sizes[phase] ?? 0) - (this.#sizes[phase - 1] ?? 0);
    return Math.min(SHORT_MIN_SAMPLE, Math.max(1, size));
  }
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
