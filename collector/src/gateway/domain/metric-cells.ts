import {
  TEMPORALITY_CUMULATIVE,
  TEMPORALITY_DELTA,
  type Attribute,
  type HistogramPoint,
  type Metric,
  type MetricData,
  type NumberPoint,
  type OpaquePoint,
} from '@flotilla/otlp';
import { CellMap } from './cell-map.ts';
import { CounterCells } from './counter-cells.ts';
import type { CounterState } from './counter-state.ts';
import { GaugeCells } from './gauge-cells.ts';
import { addDeltas, addHistograms } from './merge-points.ts';
import { attributesKey, shortKey } from './series-key.ts';
import { HISTOGRAM_COUNTER, NUMBER_COUNTER } from './tally.ts';

/** Suffix of the histogram that keeps a gauge's count, sum, min and max. */
export const INTERVAL_SUFFIX = '.interval';
/** DataPointFlags.NO_RECORDED_VALUE_MASK. */
const NO_RECORDED_VALUE = 1;
const NANOS_PER_MS = 1_000_000n;

export interface AggregationRule {
  readonly intervalMs: number;
  /** Left out of points that can be merged exactly; series that differ in nothing else merge. */
  readonly dropAttributes: ReadonlySet<string>;
}

/** A point's attributes, sorted by what the rule says of them. */
interface Split {
  readonly kept: readonly Attribute[];
  readonly dropped: readonly Attribute[];
}

/** The points of one metric of one resource and scope, merged per series and interval. */
export class MetricCells {
  readonly #metric: Metric;
  readonly #rule: AggregationRule;
  readonly #counters: CounterState;
  /** Names resource, scope and metric. */
  readonly #identity: string;
  readonly #gauges = new GaugeCells();
  readonly #numbers = new CellMap<NumberPoint>();
  readonly #histograms = new CellMap<HistogramPoint>();
  readonly #opaque = new CellMap<OpaquePoint>();
  readonly #countedNumbers: CounterCells<NumberPoint>;
  readonly #countedHistograms: CounterCells<HistogramPoint>;
  /** Resets seen of cumulative series that name no start. */
  readonly #incarnations = new Map<string, number>();

  constructor(metric: Metric, identity: string, rule: AggregationRule, counters: CounterState) {
    this.#metric = { ...metric, data: { ...metric.data, points: [] } };
    this.#rule = rule;
    this.#counters = counters;
    this.#identity = identity;
    this.#countedNumbers = new CounterCells(NUMBER_COUNTER, counters);
    this.#countedHistograms = new CounterCells(HISTOGRAM_COUNTER, counters);
  }

  get size(): number {
    return this.#cells().reduce((sum, { size }) => sum + size, 0);
  }

  /** About what the points weigh in memory. */
  get sizeBytes(): number {
    return this.#cells().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** `summarised`: the sender keeps this gauge's statistics already, in a histogram beside it. */
  add(data: MetricData, summarised: boolean): void {
    switch (data.kind) {
      case 'gauge':
        for (const point of data.points) this.#addGauge(point, summarised);
        return;
      case 'sum':
        for (const point of data.points) {
          if (!hasValue(point)) this.#numbers.push(point);
          else if (data.temporality === TEMPORALITY_DELTA) this.#addDelta(point);
          else this.#addCumulative(point, data);
        }
        return;
      case 'histogram':
        for (const point of data.points) {
          if (data.temporality === TEMPORALITY_DELTA) this.#addDeltaHistogram(point);
          else this.#addCumulativeHistogram(point, data.temporality);
        }
        return;
      case 'exponential':
      case 'summary': {
        // Merging delta exponential histograms would need a common scale: they pass as they are.
        const delta = data.kind === 'exponential' && data.temporality === TEMPORALITY_DELTA;
        for (const point of data.points) {
          if (delta) this.#opaque.push(point);
          else this.#opaque.setIfLater(this.#incarnationKey(point), point);
        }
      }
    }
  }

  /** The metric, and for a gauge the histogram of its interval. Moves the counters' totals on. */
  take(): Metric[] {
    const { name, unit, data } = this.#metric;
    const merged = { ...this.#metric, data: this.#takeData(data) };
    const intervals = this.#gauges.intervals();
    if (intervals.length === 0) return [merged];
    const histogram = {
      kind: 'histogram',
      temporality: TEMPORALITY_DELTA,
      points: intervals,
    } as const;
    return [merged, { name: name + INTERVAL_SUFFIX, description: '', unit, data: histogram }];
  }

  #takeData(data: MetricData): MetricData {
    switch (data.kind) {
      case 'gauge':
        return { ...data, points: [...this.#gauges.lasts(), ...this.#numbers.values()] };
      case 'sum':
        return { ...data, points: [...this.#countedNumbers.take(), ...this.#numbers.values()] };
      case 'histogram':
        return {
          ...data,
          points: [...this.#countedHistograms.take(), ...this.#histograms.values()],
        };
      default:
        return { ...data, points: this.#opaque.values() };
    }
  }

  #cells(): readonly { readonly size: number; readonly sizeBytes: number }[] {
    return [
      this.#gauges,
      this.#numbers,
      this.#histograms,
      this.#opaque,
      this.#countedNumbers,
      this.#countedHistograms,
    ];
  }

  #addGauge(given: NumberPoint, summarised: boolean): void {
    if (!hasValue(given) || !Number.isFinite(Number(given.value))) {
      this.#numbers.push(given);
      return;
    }
    const point = { ...given, attributes: this.#split(given.attributes).kept };
    this.#gauges.add(this.#key(point), point, summarised);
  }

  #addDelta(given: NumberPoint): void {
    const point = { ...given, attributes: this.#split(given.attributes).kept };
    const key = this.#key(point);
    const before = this.#numbers.get(key);
    this.#numbers.set(key, before === undefined ? point : addDeltas(before, point));
  }

  #addDeltaHistogram(given: HistogramPoint): void {
    const point = { ...given, attributes: this.#split(given.attributes).kept };
    const key = `${this.#key(point)}|${boundsKey(point)}|${point.flags}`;
    const before = this.#histograms.get(key);
    this.#histograms.set(key, before === undefined ? point : addHistograms(before, point));
  }

  /**
   * The last point says it all, but not across a reset: what was counted up to then would be lost.
   * A reset shows in a new start time or, from senders without one, in a value that falls.
   */
  #addCumulative(point: NumberPoint, data: { temporality: number; monotonic: boolean }): void {
    const counts = data.monotonic && data.temporality === TEMPORALITY_CUMULATIVE;
    if (counts && this.#countMerged(this.#countedNumbers, point, '')) return;
    const series = this.#incarnationKey(point);
    const incarnation = this.#incarnations.get(series) ?? 0;
    const last = this.#numbers.get(`${series}|${incarnation}`);
    const fell =
      data.monotonic &&
      last !== undefined &&
      point.timeUnixNano > last.timeUnixNano &&
      Number(point.value) < Number(last.value);
    const next = fell ? incarnation + 1 : incarnation;
    this.#incarnations.set(series, next);
    this.#numbers.setIfLater(`${series}|${next}`, point);
  }

  #addCumulativeHistogram(point: HistogramPoint, temporality: number): void {
    if (
      temporality === TEMPORALITY_CUMULATIVE &&
      (point.flags & NO_RECORDED_VALUE) === 0 &&
      this.#countMerged(this.#countedHistograms, point, boundsKey(point))
    ) {
      return;
    }
    this.#histograms.setIfLater(this.#incarnationKey(point), point);
  }

  /** True when the point is part of a stream without the dropped attributes. */
  #countMerged<P extends NumberPoint | HistogramPoint>(
    cells: CounterCells<P>,
    point: P,
    shape: string,
  ): boolean {
    const { dropAttributes } = this.#rule;
    if (dropAttributes.size === 0) return false;
    const { kept, dropped } = this.#split(point.attributes);
    const stream = shortKey(`${this.#identity}|${shape}|${attributesKey(kept)}`);
    if (dropped.length === 0 && !this.#counters.has(stream)) return false;
    return cells.add(stream, this.#window(point), dropped, { ...point, attributes: kept });
  }

  /** Points are merged by their own time: days of backlog stay days. */
  #window({ timeUnixNano }: { readonly timeUnixNano: bigint }): number {
    return Math.floor(Number(timeUnixNano / NANOS_PER_MS) / this.#rule.intervalMs);
  }

  #key(point: Pick<OpaquePoint, 'timeUnixNano' | 'attributes'>): string {
    return `${this.#window(point)}|${attributesKey(point.attributes)}`;
  }

  #incarnationKey(point: Omit<OpaquePoint, 'encoded'>): string {
    return `${this.#key(point)}|${point.startTimeUnixNano}`;
  }

  #split(attributes: readonly Attribute[]): Split {
    const { dropAttributes } = this.#rule;
    if (dropAttributes.size === 0) return { kept: attributes, dropped: [] };
    return {
      kept: attributes.filter(({ key }) => !dropAttributes.has(key)),
      dropped: attributes.filter(({ key }) => dropAttributes.has(key)),
    };
  }
}

function hasValue({ value, flags }: NumberPoint): boolean {
  return value !== null && (flags & NO_RECORDED_VALUE) === 0;
}

function boundsKey({ bounds, bucketCounts }: HistogramPoint): string {
  return `${bounds.join(',')}/${bucketCounts.length}`;
}
