/**
 * ExportMetricsServiceRequest of opentelemetry-proto 1.x, as far as aggregation needs it. What is only
 * carried along stays encoded: resource, scope, attribute values and exemplars.
 */
export interface MetricsRequest {
  readonly resources: readonly ResourceMetrics[];
}

export interface ResourceMetrics {
  /** Encoded Resource message. */
  readonly resource: Uint8Array;
  readonly schemaUrl: string;
  readonly scopes: readonly ScopeMetrics[];
}

export interface ScopeMetrics {
  /** Encoded InstrumentationScope message. */
  readonly scope: Uint8Array;
  readonly schemaUrl: string;
  readonly metrics: readonly Metric[];
}

export interface Metric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly data: MetricData;
}

/** AggregationTemporality; 0 is unspecified. */
export const TEMPORALITY_DELTA = 1;
export const TEMPORALITY_CUMULATIVE = 2;

export type MetricData =
  | { readonly kind: 'gauge'; readonly points: readonly NumberPoint[] }
  | {
      readonly kind: 'sum';
      readonly temporality: number;
      readonly monotonic: boolean;
      readonly points: readonly NumberPoint[];
    }
  | {
      readonly kind: 'histogram';
      readonly temporality: number;
      readonly points: readonly HistogramPoint[];
    }
  | {
      readonly kind: 'exponential';
      readonly temporality: number;
      readonly points: readonly OpaquePoint[];
    }
  | { readonly kind: 'summary'; readonly points: readonly OpaquePoint[] };

export interface Attribute {
  readonly key: string;
  /** Encoded AnyValue. */
  readonly value: Uint8Array;
}

interface PointTimes {
  readonly startTimeUnixNano: bigint;
  readonly timeUnixNano: bigint;
}

export interface NumberPoint extends PointTimes {
  readonly attributes: readonly Attribute[];
  /** bigint for as_int, number for as_double, null when the point has none. */
  readonly value: bigint | number | null;
  /** Encoded Exemplar messages. */
  readonly exemplars: readonly Uint8Array[];
  readonly flags: number;
}

export interface HistogramPoint extends PointTimes {
  readonly attributes: readonly Attribute[];
  readonly count: bigint;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly bucketCounts: readonly bigint[];
  readonly bounds: readonly number[];
  readonly exemplars: readonly Uint8Array[];
  readonly flags: number;
}

/** A point that is never merged: its encoded message, and what tells whose it is. */
export interface OpaquePoint extends PointTimes {
  readonly attributes: readonly Attribute[];
  readonly encoded: Uint8Array;
}

/** Data points of a request. */
export function countPoints(request: MetricsRequest): number {
  let points = 0;
  for (const { scopes } of request.resources) {
    for (const { metrics } of scopes) {
      for (const { data } of metrics) points += data.points.length;
    }
  }
  return points;
}
