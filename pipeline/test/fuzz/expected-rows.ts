import type { HrTime } from '@opentelemetry/api';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  DataPointType,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

/** A row in the form in which the warehouse is asked for it: floats as their bits, 64-bit as text. */
export type Row = Readonly<Record<string, unknown>>;
export type RowsByTable = Record<string, Row[]>;

const nanos = ([seconds, rest]: HrTime) => String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));

/** The IEEE 754 bits, so that nothing is rounded in the comparison; one text for every NaN. */
export function bits(value: number | undefined): string {
  if (Number.isNaN(value)) return 'nan';
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value ?? 0);
  return String(view.getBigUint64(0));
}

/** Lists and maps become JSON, bytes base64, anything else its plain text. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return JSON.stringify(jsonOf(value));
}

function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return valueText(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonOf(inner)]));
}

const attributes = (of: object) =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, valueText(value)]));

const TABLES: Record<DataPointType, string> = {
  [DataPointType.GAUGE]: 'otel_metrics_gauge',
  [DataPointType.SUM]: 'otel_metrics_sum',
  [DataPointType.HISTOGRAM]: 'otel_metrics_histogram',
  [DataPointType.EXPONENTIAL_HISTOGRAM]: 'otel_metrics_exponential_histogram',
};
/** metrics.proto numbers them from 1. */
const TEMPORALITIES = {
  [AggregationTemporality.DELTA]: 1,
  [AggregationTemporality.CUMULATIVE]: 2,
};

const distribution = (value: Histogram | ExponentialHistogram) => ({
  Count: String(value.count),
  Sum: bits(value.sum),
  Min: bits(value.min),
  Max: bits(value.max),
});

function valueColumns(metric: MetricData, value: unknown): Row {
  const temporality = { AggregationTemporality: TEMPORALITIES[metric.aggregationTemporality] };
  switch (metric.dataPointType) {
    case DataPointType.GAUGE:
      return { Value: bits(value as number) };
    case DataPointType.SUM:
      return { Value: bits(value as number), IsMonotonic: metric.isMonotonic, ...temporality };
    case DataPointType.HISTOGRAM: {
      const { buckets } = value as Histogram;
      return {
        ...distribution(value as Histogram),
        ...temporality,
        BucketCounts: buckets.counts.map(String),
        ExplicitBounds: buckets.boundaries.map(bits),
      };
    }
    case DataPointType.EXPONENTIAL_HISTOGRAM: {
      const { scale, zeroCount, positive, negative } = value as ExponentialHistogram;
      return {
        ...distribution(value as ExponentialHistogram),
        ...temporality,
        Scale: scale,
        ZeroCount: String(zeroCount),
        PositiveOffset: positive.offset,
        PositiveBucketCounts: positive.bucketCounts.map(String),
        NegativeOffset: negative.offset,
        NegativeBucketCounts: negative.bucketCounts.map(String),
      };
    }
  }
}

/** What the warehouse must hold of these metrics, worked out without any encoding between. */
export function metricRows(sent: readonly ResourceMetrics[]): RowsByTable {
  const rows = sent.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap(({ scope, metrics }) =>
      metrics.flatMap((metric) =>
        metric.dataPoints.map((point) => ({
          table: TABLES[metric.dataPointType],
          row: {
            Resource: attributes(resource.attributes),
            ScopeName: scope.name,
            ScopeVersion: scope.version ?? '',
            MetricName: metric.descriptor.name,
            MetricDescription: metric.descriptor.description,
            MetricUnit: metric.descriptor.unit,
            Own: attributes(point.attributes),
            Start: nanos(point.startTime),
            Time: nanos(point.endTime),
            ...valueColumns(metric, point.value),
          },
        })),
      ),
    ),
  );
  return Object.fromEntries(
    Object.values(TABLES).map((table) => [
      table,
      rows.flatMap((entry) => (entry.table === table ? [entry.row] : [])),
    ]),
  );
}

export function logRows(sent: readonly ReadableLogRecord[]): Row[] {
  return sent.map((record) => ({
    Resource: attributes(record.resource.attributes),
    ScopeName: record.instrumentationScope.name,
    ScopeVersion: record.instrumentationScope.version ?? '',
    Time: nanos(record.hrTime),
    SeverityNumber: record.severityNumber,
    SeverityText: record.severityText,
    Body: valueText(record.body),
    Own: attributes(record.attributes),
    EventName: record.eventName,
  }));
}
