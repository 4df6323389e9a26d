import type { HistogramPoint, NumberPoint } from '@flotilla/otlp';

/** What a cumulative point has counted: a sum's value, or a histogram's sum, count and buckets. */
export interface Tally {
  /** null: a histogram that keeps no sum. */
  readonly sum: bigint | number | null;
  readonly counts: readonly bigint[];
}

/** A kind of cumulative point, by how it says what it counted. */
export interface CounterKind<P> {
  readonly tallyOf: (point: P) => Tally;
  /** A point like `template` with these times, that has counted this. */
  readonly pointOf: (template: P, tally: Tally, times: PointTimes) => P;
}

interface PointTimes {
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
}

export const NUMBER_COUNTER: CounterKind<NumberPoint> = {
  tallyOf: ({ value }) => ({ sum: value, counts: [] }),
  pointOf: (template, { sum }, { startTimeUnixNano, timeUnixNano }) => ({
    ...template,
    value: sum,
    startTimeUnixNano,
    timeUnixNano,
  }),
};

/** Least and greatest value are left out: nobody knows them of a part that is subtracted. */
export const HISTOGRAM_COUNTER: CounterKind<HistogramPoint> = {
  tallyOf: ({ sum, count, bucketCounts }) => ({
    sum: sum ?? null,
    counts: [count, ...bucketCounts],
  }),
  pointOf: (template, { sum, counts }, { startTimeUnixNano, timeUnixNano }) => {
    const { attributes, bounds, exemplars, flags } = template;
    const [count = 0n, ...bucketCounts] = counts;
    return {
      attributes,
      bounds,
      exemplars,
      flags,
      startTimeUnixNano,
      timeUnixNano,
      count,
      bucketCounts,
      ...(sum !== null && { sum: Number(sum) }),
    };
  },
};

export function isFiniteTally({ sum }: Tally): boolean {
  return sum === null || Number.isFinite(Number(sum));
}

export function addTallies(a: Tally, b: Tally): Tally {
  return {
    sum: a.sum === null || b.sum === null ? null : addNumbers(a.sum, b.sum),
    counts: a.counts.map((count, index) => count + (b.counts[index] ?? 0n)),
  };
}

export function subtractTallies(a: Tally, b: Tally): Tally {
  return addTallies(a, {
    sum: b.sum === null ? null : -b.sum,
    counts: b.counts.map((count) => -count),
  });
}

/** Nothing counted, in the same shape: with the same buckets, and a whole number where it is one. */
export function zeroOf({ sum, counts }: Tally): Tally {
  return {
    sum: sum === null ? null : typeof sum === 'bigint' ? 0n : 0,
    counts: counts.map(() => 0n),
  };
}

/** A histogram's sum may fall by itself, where it has negative values; its counts never do. */
export function hasFallen(now: Tally, before: Tally): boolean {
  if (now.counts.length > 0) {
    return now.counts.some((count, index) => count < (before.counts[index] ?? 0n));
  }
  return now.sum !== null && before.sum !== null && now.sum < before.sum;
}

/** Integers stay integers; one double makes the sum a double. */
export function addNumbers(a: bigint | number, b: bigint | number): bigint | number {
  return typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b);
}
