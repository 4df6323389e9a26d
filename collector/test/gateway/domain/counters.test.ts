import {
  TEMPORALITY_CUMULATIVE,
  type HistogramPoint,
  type MetricData,
  type NumberPoint,
} from '@flotilla/otlp';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  counterRecordSchema,
  readCounters,
  writeCounters,
} from '../../../src/gateway/domain/counter-record.ts';
import { CounterState } from '../../../src/gateway/domain/counter-state.ts';
import { IntervalAggregate } from '../../../src/gateway/domain/interval-aggregate.ts';

const RULE = { intervalMs: 60_000, dropAttributes: new Set(['cpu']) };
const DAY_MS = 24 * 3_600_000;
const at = (seconds: number) => BigInt(seconds) * 1_000_000_000n;
const utf8 = (text: string) => new TextEncoder().encode(text);
const attribute = (key: string, value: string) => ({ key, value: utf8(value) });

/** A gateway's aggregation without its queue: intervals and restarts on request. */
class Gateway {
  counters: CounterState;
  aggregate: IntervalAggregate;
  readonly #maxSeries: number;

  constructor(sinceSeconds = 0, maxSeries = 1000) {
    this.#maxSeries = maxSeries;
    this.counters = new CounterState(maxSeries, at(sinceSeconds));
    this.aggregate = new IntervalAggregate(RULE, this.counters);
  }

  add(data: MetricData): void {
    const metrics = [{ name: 'm', description: '', unit: '1', data }];
    const scopes = [{ scope: utf8('scope'), schemaUrl: '', metrics }];
    this.aggregate.add({ resources: [{ resource: utf8('device-1'), schemaUrl: '', scopes }] });
  }

  /** What the interval comes to. */
  flush(nowMs = 0): MetricData[] {
    const taken = this.aggregate.take();
    this.counters.settle(nowMs);
    return taken
      .flatMap(({ scopes }) => scopes)
      .flatMap(({ metrics }) => metrics.map(({ data }) => data));
  }

  /** As after a kill: what was written down with the last flush is all there is. */
  restart(): void {
    const written = JSON.stringify(writeCounters(this.counters));
    const read = counterRecordSchema.parse(JSON.parse(written));
    this.counters = readCounters(read, this.#maxSeries);
    this.aggregate = new IntervalAggregate(RULE, this.counters);
  }
}

const point = (seconds: number, value: bigint | number, start: number, cpu = '0'): NumberPoint => ({
  attributes: [attribute('host', 'a'), attribute('cpu', cpu)],
  startTimeUnixNano: at(start),
  timeUnixNano: at(seconds),
  value,
  exemplars: [],
  flags: 0,
});
const sum = (...points: NumberPoint[]): MetricData => ({
  kind: 'sum',
  temporality: TEMPORALITY_CUMULATIVE,
  monotonic: true,
  points,
});
const pointsOf = (data: readonly MetricData[]) =>
  data.flatMap((each) => (each.kind === 'sum' ? each.points : []));
const valuesOf = (data: readonly MetricData[]) => pointsOf(data).map(({ value }) => value);

interface Step {
  readonly cpu: string;
  readonly counted: number;
  readonly reset: boolean;
  /** What the gateway does after this step. */
  readonly then: 'nothing' | 'flush' | 'restart';
}
const steps = fc.array(
  fc.record({
    cpu: fc.constantFrom('0', '1', '2'),
    counted: fc.integer({ min: 0, max: 1000 }),
    reset: fc.boolean(),
    then: fc.constantFrom('nothing', 'nothing', 'flush', 'restart'),
  }),
  { minLength: 1, maxLength: 60 },
) as fc.Arbitrary<Step[]>;

/** What devices report: per step a time, the start of its series, and the count since then. */
function report(given: readonly Step[], namesStart: boolean) {
  const series = new Map<string, { start: number; value: number }>();
  return given.map(({ cpu, counted, reset }, index) => {
    const seconds = 100 + index * 7;
    const before = series.get(cpu);
    const fresh = before === undefined || reset;
    const now = { start: fresh ? seconds - 1 : before.start, value: counted };
    if (!fresh) now.value += before.value;
    series.set(cpu, now);
    return { seconds, start: namesStart ? now.start : 0, value: now.value, cpu };
  });
}

function run(given: readonly Step[], dataOf: (index: number) => MetricData): MetricData[] {
  const gateway = new Gateway();
  const results: MetricData[] = [];
  given.forEach(({ then }, index) => {
    gateway.add(dataOf(index));
    if (then !== 'nothing') results.push(...gateway.flush());
    if (then === 'restart') gateway.restart();
  });
  return [...results, ...gateway.flush()];
}

describe('counters that lose an attribute', () => {
  it('keep the total over resets, intervals and restarts', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const reported = report(given, true);
        const results = pointsOf(
          run(given, (index) => {
            const { seconds, value, start, cpu } = reported[index]!;
            return sum(point(seconds, BigInt(value), start, cpu));
          }),
        );
        const total = given.reduce((so, { counted }) => so + counted, 0);
        expect(results.at(-1)?.value).toBe(BigInt(total));
        results.slice(1).forEach((next, index) => {
          const before = results[index]!;
          expect(next.startTimeUnixNano).toBe(before.startTimeUnixNano);
          expect(next.timeUnixNano > before.timeUnixNano).toBe(true);
          expect(next.value! >= before.value!).toBe(true);
        });
        for (const { attributes } of results) expect(attributes).toEqual([attribute('host', 'a')]);
      }),
    );
  });

  it('keep the total when points swap on their way', () => {
    const gateway = new Gateway();
    gateway.add(sum(point(10, 5n, 1)));
    // Started again at 20 with 3 counted, and only then comes what the first start came to.
    gateway.add(sum(point(30, 3n, 20)));
    gateway.add(sum(point(19, 9n, 1)));
    gateway.add(sum(point(15, 7n, 1)));
    expect(valuesOf(gateway.flush())).toEqual([12n]);
    gateway.restart();
    gateway.add(sum(point(40, 4n, 20)));
    expect(valuesOf(gateway.flush())).toEqual([13n]);
  });

  it('count from the first point on where no start is named, and see resets by the fall', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const reported = report(given, false);
        const results = run(given, (index) => {
          const { seconds, value, cpu } = reported[index]!;
          return sum(point(seconds, BigInt(value), 0, cpu));
        });
        const last = new Map<string, number>();
        let total = 0;
        for (const { cpu, value } of reported) {
          const before = last.get(cpu) ?? value;
          total += value < before ? value : value - before;
          last.set(cpu, value);
        }
        expect(valuesOf(results).at(-1)).toBe(BigInt(total));
      }),
    );
  });

  it('as histograms add bucket by bucket', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const reported = report(given, true);
        const results = run(given, (index) => {
          const { seconds, value, start, cpu } = reported[index]!;
          const counts = [BigInt(value), BigInt(value) * 2n];
          const histogram: HistogramPoint = {
            attributes: [attribute('cpu', cpu)],
            startTimeUnixNano: at(start),
            timeUnixNano: at(seconds),
            count: BigInt(value) * 3n,
            sum: value / 2,
            min: 0,
            max: value,
            bucketCounts: counts,
            bounds: [1],
            exemplars: [],
            flags: 0,
          };
          return { kind: 'histogram', temporality: TEMPORALITY_CUMULATIVE, points: [histogram] };
        }).flatMap((data) => (data.kind === 'histogram' ? data.points : []));
        const total = given.reduce((so, { counted }) => so + counted, 0);
        expect(results.at(-1)).toMatchObject({
          count: BigInt(total) * 3n,
          sum: total / 2,
          bucketCounts: [BigInt(total), BigInt(total) * 2n],
        });
        expect(results.at(-1)).not.toHaveProperty('max');
      }),
    );
  });

  it('count only what is new when a series began before the gateway knew of it', () => {
    const gateway = new Gateway(1000);
    gateway.add(sum(point(1030, 500n, 10)));
    gateway.add(sum(point(1040, 507n, 10)));
    gateway.add(sum(point(1040, 4n, 1001, '1')));
    const [first] = pointsOf(gateway.flush());
    expect(first).toMatchObject({ value: 11n, startTimeUnixNano: at(1030) });
  });

  it('stay apart by window of time, in the order of time', () => {
    const gateway = new Gateway();
    gateway.add(sum(point(130, 5n, 1), point(10, 1n, 1, '1'), point(70, 3n, 1, '1')));
    expect(valuesOf(gateway.flush())).toEqual([1n, 3n, 8n]);
  });

  it('start anew after days of silence', () => {
    const gateway = new Gateway();
    gateway.add(sum(point(10, 5n, 1)));
    gateway.flush(10_000);
    gateway.flush(10_000 + 4 * DAY_MS);
    expect(gateway.counters.series).toBe(0);
    const later = 10 + 4 * 86_400;
    gateway.add(sum(point(later, 105n, 1)));
    gateway.add(sum(point(later + 10, 107n, 1)));
    expect(pointsOf(gateway.flush(later * 1000))).toMatchObject([
      { value: 2n, startTimeUnixNano: at(later) },
    ]);
  });

  it('keep all attributes, each exact, when there is no room to merge another', () => {
    const gateway = new Gateway(0, 2);
    const points = ['0', '1', '2'].map((cpu) => point(10, 5n, 1, cpu));
    gateway.add(sum(...points));
    expect(valuesOf(gateway.flush())).toEqual([10n, 5n]);
    expect(gateway.counters.takeRefusedPoints()).toBe(1);
    gateway.add(sum(points[2]!));
    expect(pointsOf(gateway.flush())).toEqual([points[2]]);
  });

  it('that may fall, or are not finite, keep all attributes', () => {
    const gateway = new Gateway();
    const level = { ...sum(point(10, 5n, 1)), monotonic: false } as MetricData;
    const infinite = sum(point(10, Infinity, 1));
    gateway.add(level);
    gateway.add(infinite);
    expect(gateway.flush()).toEqual([level, infinite]);
    expect(gateway.counters.series).toBe(0);
  });
});
