import { SEVERITY, severityRange, type SeverityRange } from './log-severity.ts';
import { refill, spend, type BucketRate, type TokenBucket } from './token-bucket.ts';

/** `ratio`: left out by chance or key; `rate`: its key said too much; `bound`: the whole device did. */
export const LOG_DROP_REASONS = ['ratio', 'rate', 'bound'] as const;
export type LogDropReason = (typeof LOG_DROP_REASONS)[number];

export interface SamplingRules {
  /** Share kept of each range below WARN, 0 to 1, before any rate. */
  readonly ratios: Readonly<Record<'trace' | 'debug' | 'info', number>>;
  /** Of one key and severity range. */
  readonly keyRate: BucketRate;
  /** Of all records below WARN together; holds in the canary window too. */
  readonly bound: BucketRate;
  /** Of all records from WARN up together: nothing else leaves one of them out. */
  readonly urgentBound: BucketRate;
}

/** What is remembered of one key and severity range. */
export interface KeyBudget {
  readonly bucket: TokenBucket;
  /** Records left out since the last that passed, in records of the source: each passer stands for them. */
  readonly owed: number;
}

export interface SamplingState {
  readonly key: KeyBudget;
  readonly bound: TokenBucket;
  readonly urgentBound: TokenBucket;
}

export interface SamplingObservation {
  readonly severityNumber: number;
  /** 0 up to 1: below the ratio means kept. Made from the record's key, or by chance when it has none. */
  readonly position: number;
  /** After an update everything counts: no ratio, no rate, only the bound. */
  readonly canaryWindow: boolean;
  /** 0 to 1, multiplies the ratios; below 1 while the agent holds itself back. */
  readonly thrift: number;
}

export interface SamplingDecision {
  readonly state: SamplingState;
  readonly keep: boolean;
  readonly reason: LogDropReason | null;
  /** Records this one stands for, itself included; 0 when it is dropped. */
  readonly adjustedCount: number;
}

/**
 * Whether a log record is kept. WARN and above is, up to a bound of its own. The sum of the adjusted
 * counts and of what is still owed estimates the number of records seen without bias: a record that
 * passed a ratio p stands for 1/p, and one that passes a rate or a bound stands also for those of its
 * key that did not.
 */
export function decideSample(
  state: SamplingState,
  seen: SamplingObservation,
  rules: SamplingRules,
  nowMs: number,
): SamplingDecision {
  if (seen.severityNumber >= SEVERITY.warn) return decideUrgent(state, rules, nowMs);
  const ratio = seen.canaryWindow
    ? 1
    : ratioOf(severityRange(seen.severityNumber), rules) * seen.thrift;
  if (!(seen.position < ratio)) return drop(state, 'ratio');
  const weight = 1 / ratio;
  const key = { ...state.key, bucket: refill(state.key.bucket, rules.keyRate, nowMs) };
  const bound = refill(state.bound, rules.bound, nowMs);
  const ofKey = seen.canaryWindow ? key.bucket : spend(key.bucket);
  const owing = { ...state, key: { ...key, owed: key.owed + weight }, bound };
  if (ofKey === null) return drop(owing, 'rate');
  const ofAll = spend(bound);
  if (ofAll === null) return drop(owing, 'bound');
  const kept = { ...state, key: { bucket: ofKey, owed: 0 }, bound: ofAll };
  return keep(kept, weight + key.owed);
}

function decideUrgent(state: SamplingState, rules: SamplingRules, nowMs: number): SamplingDecision {
  const { bucket, owed } = state.key;
  const urgentBound = refill(state.urgentBound, rules.urgentBound, nowMs);
  const spent = spend(urgentBound);
  if (spent === null) {
    return drop({ ...state, key: { bucket, owed: owed + 1 }, urgentBound }, 'bound');
  }
  return keep({ ...state, key: { bucket, owed: 0 }, urgentBound: spent }, 1 + owed);
}

function ratioOf(range: SeverityRange, rules: SamplingRules): number {
  switch (range) {
    case 'trace':
    case 'debug':
    case 'info':
      return rules.ratios[range];
    default:
      return 1;
  }
}

function keep(state: SamplingState, adjustedCount: number): SamplingDecision {
  return { state, keep: true, reason: null, adjustedCount };
}

function drop(state: SamplingState, reason: LogDropReason): SamplingDecision {
  return { state, keep: false, reason, adjustedCount: 0 };
}
