import {
  decideSample,
  type KeyBudget,
  type LogDropReason,
  type SamplingRules,
} from '../domain/sampling-decision.ts';
import { severityRange, SEVERITY_RANGES, type SeverityRange } from '../domain/log-severity.ts';
import { samplingPosition } from '../domain/sampling-position.ts';
import { fullBucket, refill, type TokenBucket } from '../domain/token-bucket.ts';

export const DEFAULT_SAMPLING: SamplingRules = {
  ratios: { trace: 0.01, debug: 0.1, info: 1 },
  keyRate: { perSecond: 20, burst: 100 },
  bound: { perSecond: 200, burst: 2000 },
  urgentBound: { perSecond: 500, burst: 10_000 },
};

/** Keys remembered one by one; beyond that they share a budget. */
const MAX_KEYS = 256;
const SHARED_KEY = '\0others';

export interface SampledRecord {
  readonly severityNumber: number;
  /** Whose rate it counts against, e.g. an event name, a file, a unit. */
  readonly rateKey: string;
  /** Records with the same one are kept or left out together; null leaves it to chance. */
  readonly sampleKey: string | null;
}

export interface LogSamplerOptions {
  readonly rules: SamplingRules;
  /** Milliseconds that no setting of the clock moves. */
  readonly monotonicNow: () => number;
  readonly random: () => number;
  readonly isCanaryWindow: () => boolean;
  /** 0 to 1, see `SamplingObservation.thrift`. */
  readonly thrift: () => number;
}

export interface SeverityCounts {
  seen: number;
  readonly dropped: Record<LogDropReason, number>;
}

/** Decides record by record and counts what it leaves out. */
export class LogSampler {
  readonly #options: LogSamplerOptions;
  #keys = new Map<string, KeyBudget>();
  #counts: ReadonlyMap<SeverityRange, SeverityCounts>;
  #bound: TokenBucket;
  #urgentBound: TokenBucket;

  constructor(options: LogSamplerOptions) {
    this.#options = options;
    const nowMs = options.monotonicNow();
    this.#bound = fullBucket(options.rules.bound, nowMs);
    this.#urgentBound = fullBucket(options.rules.urgentBound, nowMs);
    this.#counts = new Map(SEVERITY_RANGES.map((range) => [range, noneSeen()]));
  }

  /** What puts it back to where it is now: for records that could not be kept after all. */
  checkpoint(): () => void {
    const keys = new Map(this.#keys);
    const counts = structuredClone(this.#counts);
    const [bound, urgentBound] = [this.#bound, this.#urgentBound];
    return () => {
      this.#keys = keys;
      this.#counts = counts;
      this.#bound = bound;
      this.#urgentBound = urgentBound;
    };
  }

  /** The number of records this one stands for, 1 or more; null when it is left out. */
  sample(record: SampledRecord): number | null {
    const { rules, monotonicNow, random, isCanaryWindow, thrift } = this.#options;
    const { severityNumber, sampleKey } = record;
    const range = severityRange(severityNumber);
    const nowMs = monotonicNow();
    const key = this.#keyFor(`${range}\0${record.rateKey}`, nowMs);
    const budget = this.#keys.get(key) ?? newBudget(rules, nowMs);
    const decision = decideSample(
      { key: budget, bound: this.#bound, urgentBound: this.#urgentBound },
      {
        severityNumber,
        position: sampleKey === null ? random() : samplingPosition(sampleKey),
        canaryWindow: isCanaryWindow(),
        thrift: thrift(),
      },
      rules,
      nowMs,
    );
    this.#bound = decision.state.bound;
    this.#urgentBound = decision.state.urgentBound;
    if (decision.state.key !== budget) this.#keys.set(key, decision.state.key);
    const counts = this.#counts.get(range);
    if (counts !== undefined) {
      counts.seen += 1;
      if (decision.reason !== null) counts.dropped[decision.reason] += 1;
    }
    return decision.keep ? decision.adjustedCount : null;
  }

  /** Since the sampler was made. */
  counts(): ReadonlyMap<SeverityRange, Readonly<SeverityCounts>> {
    return this.#counts;
  }

  #keyFor(key: string, nowMs: number): string {
    if (this.#keys.has(key) || this.#keys.size < MAX_KEYS) return key;
    this.#forgetIdle(nowMs);
    return this.#keys.size < MAX_KEYS ? key : `${key.split('\0', 1)[0] ?? ''}${SHARED_KEY}`;
  }

  /** A full bucket that owes nothing is as good as none. */
  #forgetIdle(nowMs: number): void {
    const { keyRate } = this.#options.rules;
    for (const [key, { bucket, owed }] of this.#keys) {
      const { tokens } = refill(bucket, keyRate, nowMs);
      if (owed === 0 && tokens >= keyRate.burst) this.#keys.delete(key);
    }
  }
}

function noneSeen(): SeverityCounts {
  return { seen: 0, dropped: { ratio: 0, rate: 0, bound: 0 } };
}

function newBudget(rules: SamplingRules, nowMs: number): KeyBudget {
  return { bucket: fullBucket(rules.keyRate, nowMs), owed: 0 };
}
