import {
  decodeMetrics,
  encodeMetrics,
  TEMPORALITY_CUMULATIVE,
  TEMPORALITY_DELTA,
  type MetricData,
  type MetricsRequest,
  type NumberPoint,
  type OpaquePoint,
} from '@flotilla/otlp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CounterState } from '../../../src/gateway/domain/counter-state.ts';
import { IntervalAggregate } from '../../../src/gateway/domain/interval-aggregate.ts';

const INTERVAL_MS = 60_000;
const utf8 = (text: string) => new TextEncoder().encode(text);
const at = (seconds: number) => BigInt(seconds) * 1_000_000_000n;
const rule = (...drop: string[]) => ({ intervalMs: INTERVAL_MS, dropAttributes: new Set(drop) });
const point = (seconds: number, value: number | bigint, cpu = '0', start = 0): NumberPoint => ({
  attributes: [{ key: 'cpu', value: utf8(cpu) }],
  startTimeUnixNano: at(start),
  timeUnixNano: at(seconds),
  value,
  exemplars: [],
  flags: 0,
});
const request = (data: MetricData, resource = 'device-1', name = 'm'): MetricsRequest => ({
  resources: [
    {
      resource: utf8(resource),
      schemaUrl: '',
      scopes: [
        {
          scope: utf8('scope'),
          schemaUrl: '',
          metrics: [{ name, description: '', unit: '1', data }],
        },
      ],
    },
  ],
});
const gauge = (...points: NumberPoint[]): MetricData => ({ kind: 'gauge', points });
const sum = (temporality: number, ...points: NumberPoint[]): MetricData => ({
  kind: 'sum',
  temporality,
  monotonic: true,
  points,
});

function aggregate(requests: readonly MetricsRequest[], ...drop: string[]): MetricsRequest {
  const cells = new IntervalAggregate(rule(...drop), new CounterState(1000, 0n));
  for (const given of requests) cells.add(given);
  return { resources: cells.take() };
}
const metricsOf = ({ resources }: MetricsRequest, name: string) =>
  resources
    .flatMap(({ scopes }) => scopes)
    .flatMap(({ metrics }) => metrics)
    .filter((metric) => metric.name === name)
    .map(({ data }) => data);
const numbersOf = (given: MetricsRequest, name = 'm') =>
  metricsOf(given, name).flatMap((data) =>
    data.kind === 'gauge' || data.kind === 'sum' ? data.points : [],
  );
const histogramsOf = (given: MetricsRequest, name = 'm') =>
  metricsOf(given, name).flatMap((data) => (data.kind === 'histogram' ? data.points : []));

/** Whole numbers, so that a sum does not depend on its order. */
const values = fc.array(
  fc.record({
    seconds: fc.integer({ min: 0, max: 300 }),
    value: fc.integer({ min: -1000, max: 1000 }),
    cpu: fc.constantFrom('0', '1', '2'),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('gauges', () => {
  it('keep the last value and the count, sum, least and greatest', () => {
    const result = aggregate([
      request(gauge(point(61, 5), point(63, 9))),
      request(gauge(point(62, 1))),
    ]);
    expect(numbersOf(result)).toEqual([point(63, 9)]);
    expect(histogramsOf(result, 'm.interval')).toMatchObject([
      { count: 3n, sum: 15, min: 1, max: 9, bucketCounts: [], bounds: [], timeUnixNano: at(63) },
    ]);
  });

  it('lose no count, sum, minimum or maximum, however they are batched', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 7 }), fc.boolean(), (given, size, drop) => {
        const points = given.map(({ seconds, value, cpu }) => point(seconds, value, cpu));
        const requests = [];
        for (let from = 0; from < points.length; from += size) {
          requests.push(request(gauge(...points.slice(from, from + size))));
        }
        const result = aggregate(requests, ...(drop ? ['cpu'] : []));
        const histograms = histogramsOf(result, 'm.interval');
        const numbers = given.map(({ value }) => value);
        expect(histograms.reduce((total, { count }) => total + count, 0n)).toBe(
          BigInt(points.length),
        );
        expect(histograms.reduce((total, { sum }) => total + sum!, 0)).toBe(
          numbers.reduce((total, value) => total + value, 0),
        );
        expect(Math.min(...histograms.map(({ min }) => min!))).toBe(Math.min(...numbers));
        expect(Math.max(...histograms.map(({ max }) => max!))).toBe(Math.max(...numbers));
      }),
    );
  });

  it('come out of a second gateway as they came out of the first', () => {
    fc.assert(
      fc.property(values, (given) => {
        const points = given.map(({ seconds, value, cpu }) => point(seconds, value, cpu));
        const once = aggregate([request(gauge(...points))]);
        expect(aggregate([once])).toEqual(once);
      }),
    );
  });

  it('stay apart by interval, so that a backlog keeps its days', () => {
    const result = aggregate([request(gauge(point(59, 1), point(60, 2), point(7200, 3)))]);
    expect(numbersOf(result)).toHaveLength(3);
  });

  it('stay apart when the firmware changes', () => {
    const result = aggregate([
      request(gauge(point(1, 1)), 'version 1'),
      request(gauge(point(2, 2)), 'version 2'),
    ]);
    expect(result.resources).toHaveLength(2);
  });

  it('without a value or not a number pass as they are', () => {
    const strange = [point(1, NaN), { ...point(2, 1), value: null }, { ...point(3, 0), flags: 1 }];
    const result = aggregate([request(gauge(...strange))]);
    expect(numbersOf(result)).toEqual(strange);
    expect(histogramsOf(result, 'm.interval')).toEqual([]);
  });
});

describe('sums', () => {
  it('that are cumulative keep the last value, late ones notwithstanding', () => {
    const data = sum(TEMPORALITY_CUMULATIVE, point(10, 5n, '0', 1), point(30, 9n, '0', 1));
    const late = sum(TEMPORALITY_CUMULATIVE, point(20, 7n, '0', 1));
    expect(numbersOf(aggregate([request(data), request(late)]))).toEqual([point(30, 9n, '0', 1)]);
  });

  it('that are cumulative keep what was counted before a reset', () => {
    const started = sum(TEMPORALITY_CUMULATIVE, point(10, 90n, '0', 1), point(20, 100n, '0', 1));
    const restarted = sum(TEMPORALITY_CUMULATIVE, point(30, 5n, '0', 25));
    const result = aggregate([request(started), request(restarted)]);
    expect(numbersOf(result)).toEqual([point(20, 100n, '0', 1), point(30, 5n, '0', 25)]);
  });

  it('that are cumulative and name no start show a reset by falling', () => {
    const data = sum(TEMPORALITY_CUMULATIVE, point(10, 100n), point(20, 5n), point(30, 6n));
    expect(numbersOf(aggregate([request(data)]))).toEqual([point(10, 100n), point(30, 6n)]);
  });

  it('that are deltas keep their total, also under dropped attributes', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (given, drop) => {
        const points = given.map(({ seconds, value, cpu }) => point(seconds, BigInt(value), cpu));
        const requests = points.map((one) => request(sum(TEMPORALITY_DELTA, one)));
        const result = numbersOf(aggregate(requests, ...(drop ? ['cpu'] : [])));
        expect(result.reduce((total, { value }) => total + (value as bigint), 0n)).toBe(
          BigInt(given.reduce((total, { value }) => total + value, 0)),
        );
        if (drop)
          expect(new Set(result.map(({ timeUnixNano }) => timeUnixNano)).size).toBe(result.length);
      }),
    );
  });
});

describe('histograms', () => {
  const histogram = (seconds: number, counts: bigint[], bounds = [1, 2]) => ({
    attributes: [],
    startTimeUnixNano: at(seconds - 1),
    timeUnixNano: at(seconds),
    count: counts.reduce((total, count) => total + count, 0n),
    sum: 10,
    min: seconds,
    max: seconds,
    bucketCounts: counts,
    bounds,
    exemplars: [],
    flags: 0,
  });
  const data = (temporality: number, ...points: ReturnType<typeof histogram>[]): MetricData => ({
    kind: 'histogram',
    temporality,
    points,
  });

  it('that are deltas add up when their bounds are equal, and stay apart when not', () => {
    const points = [
      histogram(10, [1n, 2n, 3n]),
      histogram(20, [1n, 0n, 1n]),
      histogram(30, [4n], []),
    ];
    expect(histogramsOf(aggregate([request(data(TEMPORALITY_DELTA, ...points))]))).toMatchObject([
      {
        count: 8n,
        sum: 20,
        min: 10,
        max: 20,
        bucketCounts: [2n, 2n, 4n],
        startTimeUnixNano: at(9),
      },
      { count: 4n, bounds: [] },
    ]);
  });

  it('that are cumulative keep the last', () => {
    const points = [histogram(10, [1n, 2n, 3n]), histogram(20, [2n, 2n, 3n])].map((one) => ({
      ...one,
      startTimeUnixNano: 1n,
    }));
    const result = histogramsOf(aggregate([request(data(TEMPORALITY_CUMULATIVE, ...points))]));
    expect(result).toEqual([points[1]]);
  });
});

describe('exponential histograms', () => {
  const opaque = fc.record({
    seconds: fc.integer({ min: 1, max: 300 }),
    start: fc.constantFrom(0, 1),
    bytes: fc.uint8Array({ maxLength: 20 }),
  });
  const pointsOf = (given: MetricsRequest) =>
    metricsOf(given, 'm').flatMap((data) => (data.kind === 'exponential' ? data.points : []));
  const exponential = (temporality: number, points: readonly OpaquePoint[]): MetricData => ({
    kind: 'exponential',
    temporality,
    points,
  });
  const toPoint = ({
    seconds,
    start,
    bytes,
  }: {
    seconds: number;
    start: number;
    bytes: Uint8Array;
  }) => ({
    attributes: [],
    startTimeUnixNano: at(start),
    timeUnixNano: at(seconds),
    encoded: bytes,
  });

  it('that are deltas pass one by one', () => {
    fc.assert(
      fc.property(fc.array(opaque, { maxLength: 20 }), (given) => {
        const points = given.map(toPoint);
        const requests = points.map((one) => request(exponential(TEMPORALITY_DELTA, [one])));
        expect(pointsOf(aggregate(requests))).toEqual(points);
      }),
    );
  });

  it('that are cumulative keep the last per interval and start', () => {
    fc.assert(
      fc.property(fc.array(opaque, { minLength: 1, maxLength: 20 }), (given) => {
        const points = given.map(toPoint);
        const result = pointsOf(aggregate([request(exponential(TEMPORALITY_CUMULATIVE, points))]));
        const lasts = new Map<string, OpaquePoint>();
        for (const one of points) {
          const key = `${one.timeUnixNano / at(60)}/${one.startTimeUnixNano}`;
          const before = lasts.get(key);
          if (before === undefined || one.timeUnixNano >= before.timeUnixNano) lasts.set(key, one);
        }
        expect(result).toEqual([...lasts.values()]);
      }),
    );
  });
});

describe('what is held', () => {
  it('is no view of the request it came in', () => {
    const body = encodeMetrics(request(gauge(point(1, 1), { ...point(2, 1), flags: 1 })));
    const cells = new IntervalAggregate(rule(), new CounterState(1000, 0n));
    const decoded = decodeMetrics(body);
    cells.add(decoded);
    // The request's memory is used for something else.
    body.fill(0xff);
    const [resource] = cells.take();
    expect(resource?.resource).toEqual(utf8('device-1'));
    const points = numbersOf({ resources: [resource!] });
    expect(points.map(({ attributes }) => attributes[0]?.value)).toEqual([utf8('0'), utf8('0')]);
  });

  it('is weighed, more with every series and nothing once it is taken', () => {
    const cells = new IntervalAggregate(rule(), new CounterState(1000, 0n));
    cells.add(request(gauge(point(1, 1, 'a'))));
    const one = cells.sizeBytes;
    cells.add(request(gauge(point(2, 1, 'a'))));
    expect(cells.sizeBytes).toBe(one);
    cells.add(request(gauge(point(2, 1, 'b'.repeat(5000)))));
    expect(cells.sizeBytes).toBeGreaterThan(one + 5000);
    cells.take();
    expect(cells.sizeBytes).toBe(0);
  });
});

describe('the number of series', () => {
  it('is counted over all resources and falls to zero', () => {
    const cells = new IntervalAggregate(rule(), new CounterState(1000, 0n));
    cells.add(request(gauge(point(1, 1, 'a'), point(2, 1, 'b'), point(3, 1, 'a'))));
    cells.add(request(gauge(point(1, 1, 'a')), 'device-2'));
    expect(cells.series).toBe(3);
    cells.take();
    expect(cells.series).toBe(0);
    expect(cells.take()).toEqual([]);
  });
});
