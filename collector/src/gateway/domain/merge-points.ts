import type { HistogramPoint, NumberPoint } from '@flotilla/otlp';
import { addNumbers } from './tally.ts';

/** Count, sum, least and greatest of a gauge's values. */
export interface GaugeStatistics {
  readonly count: bigint;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
}

export function statisticsOf(point: NumberPoint): GaugeStatistics {
  const value = Number(point.value);
  const { timeUnixNano } = point;
  return {
    count: 1n,
    sum: value,
    min: value,
    max: value,
    startTimeUnixNano: timeUnixNano,
    timeUnixNano,
  };
}

export function mergeStatistics(a: GaugeStatistics, b: GaugeStatistics): GaugeStatistics {
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    startTimeUnixNano: earlier(a.startTimeUnixNano, b.startTimeUnixNano),
    timeUnixNano: later(a.timeUnixNano, b.timeUnixNano),
  };
}

/** Delta sums add up. */
export function addDeltas(a: NumberPoint, b: NumberPoint): NumberPoint {
  return {
    ...a,
    value: addNumbers(a.value ?? 0, b.value ?? 0),
    exemplars: [...a.exemplars, ...b.exemplars],
    startTimeUnixNano: earlier(a.startTimeUnixNano, b.startTimeUnixNano),
    timeUnixNano: later(a.timeUnixNano, b.timeUnixNano),
  };
}

/** Delta histograms of equal bounds add up; what only one of them knows is not known of the whole. */
export function addHistograms(a: HistogramPoint, b: HistogramPoint): HistogramPoint {
  return {
    attributes: a.attributes,
    bounds: a.bounds,
    flags: a.flags,
    count: a.count + b.count,
    ...(a.sum !== undefined && b.sum !== undefined && { sum: a.sum + b.sum }),
    ...(a.min !== undefined && b.min !== undefined && { min: Math.min(a.min, b.min) }),
    ...(a.max !== undefined && b.max !== undefined && { max: Math.max(a.max, b.max) }),
    bucketCounts: a.bucketCounts.map((count, index) => count + (b.bucketCounts[index] ?? 0n)),
    exemplars: [...a.exemplars, ...b.exemplars],
    startTimeUnixNano: earlier(a.startTimeUnixNano, b.startTimeUnixNano),
    timeUnixNano: later(a.timeUnixNano, b.timeUnixNano),
  };
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
