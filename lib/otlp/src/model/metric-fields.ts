/** Field numbers of opentelemetry-proto 1.x, `metrics.proto`. */
export const MetricFields = {
  name: 1,
  description: 2,
  unit: 3,
  gauge: 5,
  sum: 7,
  histogram: 9,
  exponential: 10,
  summary: 11,
} as const;

/** NumberDataPoint. */
export const NumberFields = {
  start: 2,
  time: 3,
  asDouble: 4,
  exemplars: 5,
  asInt: 6,
  attributes: 7,
  flags: 8,
} as const;

/** HistogramDataPoint. */
export const HistogramFields = {
  start: 2,
  time: 3,
  count: 4,
  sum: 5,
  bucketCounts: 6,
  bounds: 7,
  exemplars: 8,
  attributes: 9,
  flags: 10,
  min: 11,
  max: 12,
} as const;
