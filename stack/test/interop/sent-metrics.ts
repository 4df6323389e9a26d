/** What the Python SDK says it handed to its exporter; integers are text. */
export interface SentMetrics {
  readonly success: boolean;
  readonly data: readonly {
    readonly resource_metrics: readonly {
      readonly scope_metrics: readonly { readonly metrics: readonly SentMetric[] }[];
    }[];
  }[];
}

interface SentMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly data: {
    readonly data_points: readonly SentPoint[];
    readonly aggregation_temporality?: string;
    readonly is_monotonic?: boolean;
  };
}

interface SentBuckets {
  readonly offset: string;
  readonly bucket_counts: readonly string[];
}

interface SentPoint {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly start_time_unix_nano: string | null;
  readonly time_unix_nano: string;
  readonly value?: string | number;
  readonly count?: string;
  readonly sum?: string | number;
  readonly min?: string | number;
  readonly max?: string | number;
  readonly bucket_counts?: readonly string[];
  readonly explicit_bounds?: readonly string[];
  readonly scale?: string;
  readonly zero_count?: string;
  readonly positive?: SentBuckets;
  readonly negative?: SentBuckets;
}

/** One point with what the warehouse keeps of it; both sides are brought into this form. */
export interface Point {
  readonly table: string;
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function tableOf(metric: SentMetric, point: SentPoint): string {
  if (point.scale !== undefined) return 'otel_metrics_exponential_histogram';
  if (point.bucket_counts !== undefined) return 'otel_metrics_histogram';
  return metric.data.is_monotonic === undefined ? 'otel_metrics_gauge' : 'otel_metrics_sum';
}

/** Attributes are text in the warehouse: lists as JSON, whose numbers the SDK's text forms lack. */
function attributeText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function fieldsOf(metric: SentMetric, point: SentPoint): Record<string, unknown> {
  const distribution = point.count !== undefined;
  return {
    MetricDescription: metric.description,
    MetricUnit: metric.unit,
    Attributes: Object.fromEntries(
      Object.entries(point.attributes).map(([key, value]) => [key, attributeText(value)]),
    ),
    Start: point.start_time_unix_nano ?? '0',
    Time: point.time_unix_nano,
    ...(point.value !== undefined && { Value: Number(point.value) }),
    ...(metric.data.is_monotonic !== undefined && { IsMonotonic: metric.data.is_monotonic }),
    ...(metric.data.aggregation_temporality !== undefined && {
      AggregationTemporality: Number(metric.data.aggregation_temporality),
    }),
    ...(distribution && {
      Count: point.count,
      Sum: Number(point.sum),
      Min: Number(point.min),
      Max: Number(point.max),
    }),
    ...(point.explicit_bounds !== undefined && {
      BucketCounts: point.bucket_counts,
      ExplicitBounds: point.explicit_bounds.map(Number),
    }),
    ...(point.scale !== undefined && {
      Scale: Number(point.scale),
      ZeroCount: point.zero_count,
      PositiveOffset: Number(point.positive?.offset),
      PositiveBucketCounts: point.positive?.bucket_counts,
      NegativeOffset: Number(point.negative?.offset),
      NegativeBucketCounts: point.negative?.bucket_counts,
    }),
  };
}

export function sentPoints(sent: SentMetrics): Point[] {
  return sent.data
    .flatMap(({ resource_metrics }) => resource_metrics)
    .flatMap(({ scope_metrics }) => scope_metrics)
    .flatMap(({ metrics }) => metrics)
    .flatMap((metric) =>
      metric.data.data_points.map((point) => ({
        table: tableOf(metric, point),
        name: metric.name,
        fields: fieldsOf(metric, point),
      })),
    );
}
