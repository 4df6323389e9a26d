import type { Attributes } from './any-value.ts';
import type { RawJson } from './timestamp.ts';

/** Rows by table; the names are the tables of the OTel Collector's ClickHouse exporter. */
export interface DecodedRows {
  readonly otel_logs: LogRow[];
  readonly otel_metrics_gauge: GaugeRow[];
  readonly otel_metrics_sum: SumRow[];
  readonly otel_metrics_histogram: HistogramRow[];
  readonly otel_metrics_exponential_histogram: ExponentialHistogramRow[];
  readonly otel_metrics_summary: SummaryRow[];
}

export type TelemetryTable = keyof DecodedRows;

export const TELEMETRY_TABLES = [
  'otel_logs',
  'otel_metrics_gauge',
  'otel_metrics_sum',
  'otel_metrics_histogram',
  'otel_metrics_exponential_histogram',
  'otel_metrics_summary',
] as const satisfies readonly TelemetryTable[];

export function emptyRows(): DecodedRows {
  return {
    otel_logs: [],
    otel_metrics_gauge: [],
    otel_metrics_sum: [],
    otel_metrics_histogram: [],
    otel_metrics_exponential_histogram: [],
    otel_metrics_summary: [],
  };
}

export function countRows(rows: DecodedRows): number {
  return TELEMETRY_TABLES.reduce((sum, table) => sum + rows[table].length, 0);
}

export interface ResourceFields {
  readonly ResourceAttributes: Attributes;
  readonly ResourceSchemaUrl: string;
  readonly ServiceName: string;
}

export interface ScopeFields {
  readonly ScopeName: string;
  readonly ScopeVersion: string;
  readonly ScopeAttributes: Attributes;
  readonly ScopeSchemaUrl: string;
}

export interface LogRow extends ResourceFields, ScopeFields {
  Timestamp: RawJson;
  TraceId: string;
  SpanId: string;
  TraceFlags: number;
  SeverityText: string;
  SeverityNumber: number;
  Body: string;
  LogAttributes: Attributes;
  EventName: string;
}

export interface MetricFields extends ResourceFields, ScopeFields {
  readonly ScopeDroppedAttrCount: number;
  readonly MetricName: string;
  readonly MetricDescription: string;
  readonly MetricUnit: string;
}

interface PointFields extends MetricFields {
  Attributes: Attributes;
  StartTimeUnix: RawJson;
  TimeUnix: RawJson;
  Flags: number;
}

/** Column arrays of the `Exemplars` Nested; all have one length. */
interface ExemplarColumns {
  'Exemplars.FilteredAttributes': Attributes[];
  'Exemplars.TimeUnix': RawJson[];
  'Exemplars.Value': (number | string)[];
  'Exemplars.SpanId': string[];
  'Exemplars.TraceId': string[];
}

export interface GaugeRow extends PointFields, ExemplarColumns {
  Value: number | string;
}

export interface SumRow extends GaugeRow {
  readonly AggregationTemporality: number;
  readonly IsMonotonic: boolean;
}

interface DistributionRow extends PointFields, ExemplarColumns {
  Count: RawJson;
  Sum: number | string;
  Min: number | string;
  Max: number | string;
  readonly AggregationTemporality: number;
}

export interface HistogramRow extends DistributionRow {
  BucketCounts: RawJson[];
  ExplicitBounds: (number | string)[];
}

export interface ExponentialHistogramRow extends DistributionRow {
  Scale: number;
  ZeroCount: RawJson;
  PositiveOffset: number;
  PositiveBucketCounts: RawJson[];
  NegativeOffset: number;
  NegativeBucketCounts: RawJson[];
}

export interface SummaryRow extends PointFields {
  Count: RawJson;
  Sum: number | string;
  'ValueAtQuantiles.Quantile': (number | string)[];
  'ValueAtQuantiles.Value': (number | string)[];
}
