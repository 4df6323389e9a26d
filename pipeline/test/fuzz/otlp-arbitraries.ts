import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';

/** Any text that UTF-8 can carry, control characters and astral planes included. */
const text = fc.string({ unit: 'binary', maxLength: 12 });
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 });
const safeInteger = fc.maxSafeInteger();
/** Eighths: their decimal text is the same in every language. */
const eighth = fc.integer({ min: -8_000_000, max: 8_000_000 }).map((n) => n / 8);
const double = fc.double();
const count = fc.nat({ max: 2 ** 31 });
const nanoseconds = fc.integer({ min: 0, max: 999_999_999 });
const NOON = 1_790_000_000;
/** A few days only, as each is a partition of its own; the first and the last one among them. */
const time: fc.Arbitrary<HrTime> = fc.tuple(
  fc.oneof(fc.integer({ min: NOON, max: NOON + 90_000 }), fc.constantFrom(1, 4_294_967_294)),
  nanoseconds,
);
const anyTime: fc.Arbitrary<HrTime> = fc.tuple(
  fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  nanoseconds,
);

const scalar = fc.oneof(text, safeInteger, eighth, fc.boolean());
const attributeValue = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(text, { maxLength: 3 }),
  fc.array(eighth, { maxLength: 3 }),
);
/** A prefix keeps a key from looking like an array index, which JavaScript objects put first. */
const key = text.map((rest) => `k${rest}`);
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(key, attributeValue, { maxKeys: 4 });

/** A log body: AnyValue with lists and maps in each other. */
const { body } = fc.letrec<{ body: unknown }>((tie) => ({
  body: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc.oneof(safeInteger, eighth, fc.boolean()),
    fc.uint8Array({ maxLength: 9 }),
    fc.array(tie('body'), { maxLength: 3 }),
    fc.dictionary(key, tie('body'), { maxKeys: 3, noNullPrototype: true }),
  ),
}));

const point = fc.record({ startTime: anyTime, endTime: time, attributes });
const temporality = fc.constantFrom(
  AggregationTemporality.DELTA,
  AggregationTemporality.CUMULATIVE,
);
const descriptor = fc.record({ name, description: text, unit: text });
const extremes = { count, sum: double, min: double, max: double };

const number = fc.oneof(
  fc.record({ valueType: fc.constant(ValueType.INT), value: safeInteger }),
  fc.record({ valueType: fc.constant(ValueType.DOUBLE), value: double }),
);

const numbers = (dataPointType: DataPointType.GAUGE | DataPointType.SUM) =>
  fc
    .tuple(
      descriptor,
      temporality,
      fc.boolean(),
      fc.array(fc.tuple(point, number), { maxLength: 3 }),
    )
    .map(([about, aggregationTemporality, isMonotonic, points]) =>
      // A metric has one value type, so each point is a metric's only one.
      points.map(([at, { valueType, value }]) => ({
        descriptor: { ...about, valueType },
        aggregationTemporality,
        dataPointType,
        isMonotonic,
        dataPoints: [{ ...at, value }],
      })),
    );

const bounds = fc
  .uniqueArray(double.filter(Number.isFinite), { maxLength: 5 })
  .map((list) => list.toSorted((a, b) => a - b));
const buckets = bounds.chain((boundaries) =>
  fc
    .array(count, { minLength: boundaries.length + 1, maxLength: boundaries.length + 1 })
    .map((counts) => ({ boundaries, counts })),
);
const histogram = fc
  .tuple(descriptor, temporality, point, fc.record({ ...extremes, buckets }))
  .map(([about, aggregationTemporality, at, value]) => [
    {
      descriptor: { ...about, valueType: ValueType.DOUBLE },
      aggregationTemporality,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: [{ ...at, value }],
    },
  ]);

const side = fc.record({
  offset: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  bucketCounts: fc.array(count, { maxLength: 6 }),
});
const exponential = fc
  .tuple(
    descriptor,
    temporality,
    point,
    fc.record({
      ...extremes,
      scale: fc.integer({ min: -10, max: 20 }),
      zeroCount: count,
      positive: side,
      negative: side,
    }),
  )
  .map(([about, aggregationTemporality, at, value]) => [
    {
      descriptor: { ...about, valueType: ValueType.DOUBLE },
      aggregationTemporality,
      dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
      dataPoints: [{ ...at, value }],
    },
  ]);

const resource = attributes.map((more) =>
  resourceFromAttributes({ ...more, 'device.id': 'd1', 'service.name': 'fuzz' }),
);
const scope = fc.record({ name: text, version: text });

/** What the SDK hands to its exporter: metrics of every kind it knows. */
export const metricsArbitrary: fc.Arbitrary<ResourceMetrics> = fc
  .tuple(
    resource,
    scope,
    fc.array(
      fc.oneof(numbers(DataPointType.GAUGE), numbers(DataPointType.SUM), histogram, exponential),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([of, from, metrics]) => ({
    resource: of,
    scopeMetrics: [{ scope: from, metrics: metrics.flat() as MetricData[] }],
  }));

export const logsArbitrary: fc.Arbitrary<ReadableLogRecord[]> = fc
  .tuple(
    resource,
    scope,
    fc.array(
      fc.record({
        hrTime: time,
        hrTimeObserved: anyTime,
        severityNumber: fc.integer({ min: 1, max: 24 }),
        severityText: text,
        body,
        attributes,
        eventName: text,
      }),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([of, from, records]) =>
    records.map((record) =>
      // The SDK's type has an enum where any number of the range is one.
      Object.assign({} as ReadableLogRecord, record, {
        resource: of,
        instrumentationScope: from,
        droppedAttributesCount: 0,
      }),
    ),
  );
