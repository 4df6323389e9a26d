import {
  TEMPORALITY_DELTA,
  type Attribute,
  type HistogramPoint,
  type Metric,
  type MetricData,
  type NumberPoint,
  type OpaquePoint,
} from '@flotilla/otlp';
import {
  addDeltas,
  addHistograms,
  mergeStatistics,
  statisticsOf,
  type GaugeStatistics,
} from './merge-points.ts';
import { attributesKey } from './series-key.ts';

/** Suffix of the histogram that keeps a gauge's count, sum, min and max. */
export const INTERVAL_SUFFIX = '.interval';
/** DataPointFlags.NO_RECORDED_VALUE_MASK. */
const NO_RECORDED_VALUE = 1;
const NANOS_PER_MS = 1_000_000n;

export interface AggregationRule {
  readonly intervalMs: number;
  /** Left out of gauges, delta sums and delta histograms; series that differ in nothing else merge. */
  readonly dropAttributes: ReadonlySet<string>;
}

interface GaugeCell {
  last: NumberPoint;
  statistics: GaugeStatistics | null;
}

/** The points of one metric of one resource and scope, merged per series and interval. */
export class MetricCells {
  readonly #metric: Metric;
  readonly #rule: AggregationRule;
  readonly #gauges = new Map<string, GaugeCell>();
  readonly #numbers = new Map<string, NumberPoint>();
  readonly #histograms = new Map<string, HistogramPoint>();
  readonly #opaque = new Map<string, OpaquePoint>();
  readonly #unmergedNumbers: NumberPoint[] = [];
  readonly #unmergedOpaque: OpaquePoint[] = [];
  /** Most recent cumulative point per series, to see a value fall. */
  readonly #incarnations = new Map<string, number>();

  constructor(metric: Metric, rule: AggregationRule) {
    this.#metric = metric;
    this.#rule = rule;
  }

  get size(): number {
    return (
      this.#gauges.size +
      this.#numbers.size +
      this.#histograms.size +
      this.#opaque.size +
      this.#unmergedNumbers.length +
      this.#unmergedOpaque.length
    );
  }

  /** `summarised`: the sender keeps this gauge's statistics already, in a histogram beside it. */
  add(data: MetricData, summarised: boolean): void {
    switch (data.kind) {
      case 'gauge':
        for (const point of data.points) this.#addGauge(point, summarised);
        return;
      case 'sum':
        for (const point of data.points) {
          if (!hasValue(point)) this.#unmergedNumbers.push(point);
          else if (data.temporality === TEMPORALITY_DELTA) this.#addDelta(point);
          else this.#addCumulative(point, data.monotonic);
        }
        return;
      case 'histogram':
        for (const point of data.points) this.#addHistogram(point, data.temporality);
        return;
      case 'exponential':
      case 'summary': {
        // Merging delta exponential histograms would need a common scale: they pass as they are.
        const delta = data.kind === 'exponential' && data.temporality === TEMPORALITY_DELTA;
        for (const point of data.points) {
          if (delta) this.#unmergedOpaque.push(point);
          else this.#keepLast(this.#opaque, this.#key(point, point.attributes), point);
        }
      }
    }
  }

  /** The metric, and for a gauge the histogram of its interval. */
  toMetrics(): Metric[] {
    const { name, unit, data } = this.#metric;
    const gauges = [...this.#gauges.values()];
    const numbers = [
      ...gauges.map(({ last }) => last),
      ...this.#numbers.values(),
      ...this.#unmergedNumbers,
    ];
    const points = data.kind === 'histogram' ? [...this.#histograms.values()] : [];
    const opaque = [...this.#opaque.values(), ...this.#unmergedOpaque];
    const merged = { ...this.#metric, data: withPoints(data, numbers, points, opaque) };
    const intervals = gauges.flatMap(({ last, statistics }) =>
      statistics === null ? [] : [intervalPoint(last.attributes, statistics)],
    );
    if (intervals.length === 0) return [merged];
    const histogram = {
      kind: 'histogram',
      temporality: TEMPORALITY_DELTA,
      points: intervals,
    } as const;
    return [merged, { name: name + INTERVAL_SUFFIX, description: '', unit, data: histogram }];
  }

  #addGauge(given: NumberPoint, summarised: boolean): void {
    if (!hasValue(given) || !Number.isFinite(Number(given.value))) {
      this.#unmergedNumbers.push(given);
      return;
    }
    const point = { ...given, attributes: this.#kept(given.attributes) };
    const statistics = summarised ? null : statisticsOf(point);
    const key = this.#key(point, point.attributes);
    const cell = this.#gauges.get(key);
    if (cell === undefined) {
      this.#gauges.set(key, { last: point, statistics });
      return;
    }
    if (point.timeUnixNano >= cell.last.timeUnixNano) cell.last = point;
    cell.statistics =
      cell.statistics !== null && statistics !== null
        ? mergeStatistics(cell.statistics, statistics)
        : (cell.statistics ?? statistics);
  }

  #addDelta(given: NumberPoint): void {
    const point = { ...given, attributes: this.#kept(given.attributes) };
    const key = this.#key(point, point.attributes);
    const before = this.#numbers.get(key);
    this.#numbers.set(key, before === undefined ? point : addDeltas(before, point));
  }

  /**
   * The last point says it all, but not across a reset: what was counted up to then would be lost.
   * A reset shows in a new start time or, from senders without one, in a value that falls.
   */
  #addCumulative(point: NumberPoint, monotonic: boolean): void {
    const series = `${this.#key(point, point.attributes)}|${point.startTimeUnixNano}`;
    const incarnation = this.#incarnations.get(series) ?? 0;
    const last = this.#numbers.get(`${series}|${incarnation}`);
    const fell =
      monotonic &&
      last !== undefined &&
      point.timeUnixNano > last.timeUnixNano &&
      Number(point.value) < Number(last.value);
    const next = fell ? incarnation + 1 : incarnation;
    this.#incarnations.set(series, next);
    this.#keepLast(this.#numbers, `${series}|${next}`, point);
  }

  #addHistogram(given: HistogramPoint, temporality: number): void {
    if (temporality !== TEMPORALITY_DELTA) {
      const key = `${this.#key(given, given.attributes)}|${given.startTimeUnixNano}`;
      this.#keepLast(this.#histograms, key, given);
      return;
    }
    const point = { ...given, attributes: this.#kept(given.attributes) };
    const bounds = `${point.bounds.join(',')}/${point.bucketCounts.length}`;
    const key = `${this.#key(point, point.attributes)}|${bounds}|${point.flags}`;
    const before = this.#histograms.get(key);
    this.#histograms.set(key, before === undefined ? point : addHistograms(before, point));
  }

  #keepLast<Point extends { readonly timeUnixNano: bigint }>(
    points: Map<string, Point>,
    key: string,
    point: Point,
  ): void {
    const before = points.get(key);
    if (before === undefined || point.timeUnixNano >= before.timeUnixNano) points.set(key, point);
  }

  /** Points are merged by their own time: days of backlog stay days. */
  #key({ timeUnixNano }: { timeUnixNano: bigint }, attributes: readonly Attribute[]): string {
    const window = Math.floor(Number(timeUnixNano / NANOS_PER_MS) / this.#rule.intervalMs);
    return `${window}|${attributesKey(attributes)}`;
  }

  #kept(attributes: readonly Attribute[]): readonly Attribute[] {
    const { dropAttributes } = this.#rule;
    if (dropAttributes.size === 0) return attributes;
    return attributes.filter(({ key }) => !dropAttributes.has(key));
  }
}

function hasValue({ value, flags }: NumberPoint): boolean {
  return value !== null && (flags & NO_RECORDED_VALUE) === 0;
}

function intervalPoint(
  attributes: readonly Attribute[],
  statistics: GaugeStatistics,
): HistogramPoint {
  return { attributes, ...statistics, bucketCounts: [], bounds: [], exemplars: [], flags: 0 };
}

function withPoints(
  data: MetricData,
  numbers: readonly NumberPoint[],
  histograms: readonly HistogramPoint[],
  opaque: readonly OpaquePoint[],
): MetricData {
  if (data.kind === 'gauge' || data.kind === 'sum') return { ...data, points: numbers };
  if (data.kind === 'histogram') return { ...data, points: histograms };
  return { ...data, points: opaque };
}
