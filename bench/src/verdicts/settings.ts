import {
  fixedRule,
  GATE_ALONE,
  HAWKBIT,
  mannWhitneyRule,
  SHIPPED,
  SHORT_SAMPLE,
} from './campaign-race.ts';

export const SEED = 20261124;
/** Shares of updates that fail with good firmware, and with bad. */
export const BASE = [0.005, 0.01, 0.02];
export const BAD = [0.05, 0.1, 0.2];

/**
 * How often the waiting devices fail that the Mann-Whitney compares with: as often as good firmware. That
 * is the best case for it, since waiting devices have no update that could fail. With bad firmware: as
 * often as good firmware does at most, which is where every rule's false pauses are held against the limit.
 */
export const CONTROL_OF_BAD = 0.02;

const AWS_MIN_SAMPLE = 100;
export const SHOWN = [
  { rule: SHIPPED, name: 'flotilla: 5 % beyond chance + gate (defaults)' },
  { rule: SHORT_SAMPLE, name: 'flotilla: 5 % from 10 on + gate' },
  { rule: GATE_ALONE, name: 'flotilla: outcome gate alone' },
  { rule: fixedRule(10), name: 'fixed 5 %, at least 10' },
  { rule: HAWKBIT, name: 'hawkBit: above 5 % of the group' },
  { rule: fixedRule(AWS_MIN_SAMPLE), name: 'AWS IoT Jobs: 5 %, at least 100' },
  { rule: mannWhitneyRule(0.05), name: 'Mann-Whitney 5 %, repeated, against 10 each' },
] as const;

export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function percent(share: number): string {
  return `${round(100 * share)} %`;
}
