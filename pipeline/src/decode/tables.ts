/** A column and the type its RowBinary value is read as; LowCardinality is the table's affair. */
export type Column = readonly [name: string, type: string];

const ATTRIBUTES = 'Map(String, String)';
const TIME = "DateTime64(9, 'UTC')";

/** What all rows of one scope repeat. */
const SCOPE: readonly Column[] = [
  ['IngestSource', 'String'],
  ['IngestOffset', 'UInt64'],
  ['ResourceAttributes', ATTRIBUTES],
  ['ServiceName', 'String'],
  ['ResourceSchemaUrl', 'String'],
  ['ScopeAttributes', ATTRIBUTES],
  ['ScopeName', 'String'],
  ['ScopeVersion', 'String'],
  ['ScopeSchemaUrl', 'String'],
];
/** The OTel exporter's table of spans has no column for these two. */
const SPAN_SCOPE = SCOPE.filter(
  ([name]) => !name.endsWith('SchemaUrl') && name !== 'ScopeAttributes',
);

const METRIC: readonly Column[] = [
  ...SCOPE,
  ['ScopeDroppedAttrCount', 'UInt32'],
  ['MetricName', 'String'],
  ['MetricDescription', 'String'],
  ['MetricUnit', 'String'],
];
const TEMPORALITY: Column = ['AggregationTemporality', 'Int32'];

const EXEMPLARS: readonly Column[] = [
  ['Exemplars.FilteredAttributes', `Array(${ATTRIBUTES})`],
  ['Exemplars.TimeUnix', `Array(${TIME})`],
  ['Exemplars.Value', 'Array(Float64)'],
  ['Exemplars.SpanId', 'Array(String)'],
  ['Exemplars.TraceId', 'Array(String)'],
];
const POINT_TIMES: readonly Column[] = [
  ['StartTimeUnix', TIME],
  ['TimeUnix', TIME],
];
const NUMBER: readonly Column[] = [...POINT_TIMES, ['Value', 'Float64'], ['Flags', 'UInt32']];
const DISTRIBUTION: readonly Column[] = [
  ...POINT_TIMES,
  ['Count', 'UInt64'],
  ['Sum', 'Float64'],
  ['Min', 'Float64'],
  ['Max', 'Float64'],
  ['Flags', 'UInt32'],
];

/** How a row of a table is laid out: a part of fixed size, the shared part, then the rest. */
export interface RowLayout {
  readonly fixedBytes: number;
  /** Where in the fixed part the row's time lies, which `timeColumn` names. */
  readonly timeAt: number;
  readonly timeColumn: 'Timestamp' | 'TimeUnix';
  readonly columns: readonly Column[];
}

/** The tables of the OTel Collector's ClickHouse exporter, and the order their columns are written in. */
export const TABLES = {
  otel_logs: {
    fixedBytes: 10,
    timeAt: 0,
    timeColumn: 'Timestamp',
    columns: [
      ['Timestamp', TIME],
      ['SeverityNumber', 'UInt8'],
      ['TraceFlags', 'UInt8'],
      ...SCOPE,
      ['LogAttributes', ATTRIBUTES],
      ['SeverityText', 'String'],
      ['Body', 'String'],
      ['EventName', 'String'],
      ['TraceId', 'String'],
      ['SpanId', 'String'],
    ],
  },
  otel_metrics_gauge: {
    fixedBytes: 28,
    timeAt: 8,
    timeColumn: 'TimeUnix',
    columns: [...NUMBER, ...METRIC, ['Attributes', ATTRIBUTES], ...EXEMPLARS],
  },
  otel_metrics_sum: {
    fixedBytes: 28,
    timeAt: 8,
    timeColumn: 'TimeUnix',
    columns: [
      ...NUMBER,
      ...METRIC,
      TEMPORALITY,
      ['IsMonotonic', 'Bool'],
      ['Attributes', ATTRIBUTES],
      ...EXEMPLARS,
    ],
  },
  otel_metrics_histogram: {
    fixedBytes: 52,
    timeAt: 8,
    timeColumn: 'TimeUnix',
    columns: [
      ...DISTRIBUTION,
      ...METRIC,
      TEMPORALITY,
      ['Attributes', ATTRIBUTES],
      ['BucketCounts', 'Array(UInt64)'],
      ['ExplicitBounds', 'Array(Float64)'],
      ...EXEMPLARS,
    ],
  },
  otel_metrics_exponential_histogram: {
    fixedBytes: 72,
    timeAt: 8,
    timeColumn: 'TimeUnix',
    columns: [
      ...DISTRIBUTION,
      ['Scale', 'Int32'],
      ['ZeroCount', 'UInt64'],
      ['PositiveOffset', 'Int32'],
      ['NegativeOffset', 'Int32'],
      ...METRIC,
      TEMPORALITY,
      ['Attributes', ATTRIBUTES],
      ['PositiveBucketCounts', 'Array(UInt64)'],
      ['NegativeBucketCounts', 'Array(UInt64)'],
      ...EXEMPLARS,
    ],
  },
  otel_metrics_summary: {
    fixedBytes: 36,
    timeAt: 8,
    timeColumn: 'TimeUnix',
    columns: [
      ...POINT_TIMES,
      ['Count', 'UInt64'],
      ['Sum', 'Float64'],
      ['Flags', 'UInt32'],
      ...METRIC,
      ['Attributes', ATTRIBUTES],
      ['ValueAtQuantiles.Quantile', 'Array(Float64)'],
      ['ValueAtQuantiles.Value', 'Array(Float64)'],
    ],
  },
  otel_traces: {
    fixedBytes: 16,
    timeAt: 0,
    timeColumn: 'Timestamp',
    columns: [
      ['Timestamp', TIME],
      ['Duration', 'UInt64'],
      ...SPAN_SCOPE,
      ['SpanAttributes', ATTRIBUTES],
      ['TraceId', 'String'],
      ['SpanId', 'String'],
      ['ParentSpanId', 'String'],
      ['TraceState', 'String'],
      ['SpanName', 'String'],
      ['SpanKind', 'String'],
      ['StatusCode', 'String'],
      ['StatusMessage', 'String'],
      ['Events.Timestamp', `Array(${TIME})`],
      ['Events.Name', 'Array(String)'],
      ['Events.Attributes', `Array(${ATTRIBUTES})`],
      ['Links.TraceId', 'Array(String)'],
      ['Links.SpanId', 'Array(String)'],
      ['Links.TraceState', 'Array(String)'],
      ['Links.Attributes', `Array(${ATTRIBUTES})`],
    ],
  },
} as const satisfies Record<string, RowLayout>;

export type TelemetryTable = keyof typeof TABLES;
export const TELEMETRY_TABLES = Object.keys(TABLES) as TelemetryTable[];
