/** A column as its table declares it. */
export type ColumnType = readonly [name: string, type: string];

const WORD = 'LowCardinality(String)';
const ATTRIBUTES = `Map(${WORD}, String)`;
const TIME = 'DateTime64(9)';

/** What all rows of one scope repeat. */
const SCOPE: readonly ColumnType[] = [
  ['IngestSource', WORD],
  ['IngestOffset', 'UInt64'],
  ['ResourceAttributes', ATTRIBUTES],
  ['ServiceName', WORD],
  ['ResourceSchemaUrl', 'String'],
  ['ScopeAttributes', ATTRIBUTES],
  ['ScopeName', 'String'],
  ['ScopeVersion', 'String'],
  ['ScopeSchemaUrl', 'String'],
];
/** The OTel exporter's table of logs has words for these three. */
const LOG_SCOPE = SCOPE.map(([name, type]): ColumnType =>
  name.endsWith('SchemaUrl') || name === 'ScopeVersion' ? [name, WORD] : [name, type],
);
/** The OTel exporter's table of spans has no column for these two. */
const SPAN_SCOPE = SCOPE.filter(
  ([name]) => !name.endsWith('SchemaUrl') && name !== 'ScopeAttributes',
);

const METRIC: readonly ColumnType[] = [
  ...SCOPE,
  ['ScopeDroppedAttrCount', 'UInt32'],
  ['MetricName', 'String'],
  ['MetricDescription', 'String'],
  ['MetricUnit', 'String'],
];
const TEMPORALITY: ColumnType = ['AggregationTemporality', 'Int32'];

const EXEMPLARS: readonly ColumnType[] = [
  ['Exemplars.FilteredAttributes', `Array(${ATTRIBUTES})`],
  ['Exemplars.TimeUnix', `Array(${TIME})`],
  ['Exemplars.Value', 'Array(Float64)'],
  ['Exemplars.SpanId', 'Array(String)'],
  ['Exemplars.TraceId', 'Array(String)'],
];
const POINT_TIMES: readonly ColumnType[] = [
  ['StartTimeUnix', TIME],
  ['TimeUnix', TIME],
];
const NUMBER: readonly ColumnType[] = [...POINT_TIMES, ['Value', 'Float64'], ['Flags', 'UInt32']];
const DISTRIBUTION: readonly ColumnType[] = [
  ...POINT_TIMES,
  ['Count', 'UInt64'],
  ['Sum', 'Float64'],
  ['Min', 'Float64'],
  ['Max', 'Float64'],
  ['Flags', 'UInt32'],
];

/** What the pipeline writes of a table. */
export interface TableLayout {
  readonly timeColumn: 'Timestamp' | 'TimeUnix';
  readonly columns: readonly ColumnType[];
}

/** The tables of the OTel Collector's ClickHouse exporter. */
export const TABLES = {
  otel_logs: {
    timeColumn: 'Timestamp',
    columns: [
      ['Timestamp', TIME],
      ['SeverityNumber', 'UInt8'],
      ['TraceFlags', 'UInt8'],
      ...LOG_SCOPE,
      ['LogAttributes', ATTRIBUTES],
      ['SeverityText', WORD],
      ['Body', 'String'],
      ['EventName', 'String'],
      ['TraceId', 'String'],
      ['SpanId', 'String'],
    ],
  },
  otel_metrics_gauge: {
    timeColumn: 'TimeUnix',
    columns: [...NUMBER, ...METRIC, ['Attributes', ATTRIBUTES], ...EXEMPLARS],
  },
  otel_metrics_sum: {
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
      ['SpanName', WORD],
      ['SpanKind', WORD],
      ['StatusCode', WORD],
      ['StatusMessage', 'String'],
      ['Events.Timestamp', `Array(${TIME})`],
      ['Events.Name', `Array(${WORD})`],
      ['Events.Attributes', `Array(${ATTRIBUTES})`],
      ['Links.TraceId', 'Array(String)'],
      ['Links.SpanId', 'Array(String)'],
      ['Links.TraceState', 'Array(String)'],
      ['Links.Attributes', `Array(${ATTRIBUTES})`],
    ],
  },
} as const satisfies Record<string, TableLayout>;

export type TelemetryTable = keyof typeof TABLES;
export const TELEMETRY_TABLES = Object.keys(TABLES) as TelemetryTable[];
