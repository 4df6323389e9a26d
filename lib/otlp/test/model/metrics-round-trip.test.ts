import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countPoints, decodeMetrics, encodeMetrics, WireReader } from '../../src/index.ts';

type Input = Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0];

const seconds = fc.integer({ min: 1, max: 2_000_000_000 });
const time = fc.tuple(seconds, fc.integer({ min: 0, max: 999_999_999 }));
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const attributes = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.array(fc.string(), { maxLength: 3 })),
  { maxKeys: 4 },
);
const dataPoint = <T>(value: fc.Arbitrary<T>) =>
  fc.record({ startTime: time, endTime: time, attributes, value });
const descriptor = fc.record({
  name: fc.string({ minLength: 1 }),
  description: fc.string(),
  unit: fc.string({ maxLength: 5 }),
});
const count = fc.integer({ min: 0, max: 1e9 });
const exponentialBuckets = fc.record({
  offset: fc.integer({ min: -1000, max: 1000 }),
  bucketCounts: fc.array(count, { maxLength: 5 }),
});
const buckets = fc.array(count, { minLength: 3, maxLength: 3 });
/** The SDK's enumerations: DataPointType HISTOGRAM 0, EXPONENTIAL 1, GAUGE 2, SUM 3; ValueType INT 0, DOUBLE 1. */
const metric = descriptor.chain((described) =>
  fc.constantFrom(0, 1).chain((temporality) =>
    fc.oneof(
      numbers(described, temporality, 2),
      numbers(described, temporality, 3),
      histograms(described, temporality, 0, {
        buckets: buckets.map((counts) => ({ boundaries: [1, 10.5], counts })),
      }),
      histograms(described, temporality, 1, {
        scale: fc.integer({ min: -10, max: 20 }),
        zeroCount: count,
        positive: exponentialBuckets,
        negative: exponentialBuckets,
      }),
    ),
  ),
);
function histograms(
  described: object,
  temporality: number,
  dataPointType: number,
  shape: Readonly<Record<string, fc.Arbitrary<unknown>>>,
) {
  const value = fc.record({ ...shape, count, sum: double, min: double, max: double });
  return fc.array(dataPoint(value), { maxLength: 4 }).map((dataPoints) => ({
    descriptor: { ...described, valueType: 1 },
    aggregationTemporality: temporality,
    dataPointType,
    dataPoints,
  }));
}
function numbers(described: object, temporality: number, dataPointType: number) {
  return fc.constantFrom(0, 1).chain((valueType) =>
    fc
      .array(dataPoint(valueType === 0 ? fc.maxSafeInteger() : double), { maxLength: 4 })
      .map((dataPoints) => ({
        descriptor: { ...described, valueType },
        aggregationTemporality: temporality,
        dataPointType,
        isMonotonic: true,
        dataPoints,
      })),
  );
}
const request = fc.record({
  resource: attributes.map((given) => ({
    attributes: given,
    asyncAttributesPending: false,
    schemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
  })),
  scopeMetrics: fc.array(
    fc.record({
      scope: fc.record({ name: fc.string(), version: fc.string() }),
      metrics: fc.array(metric, { maxLength: 4 }),
    }),
    { maxLength: 3 },
  ),
});

/** ExponentialHistogramDataPoint.sum = 5. */
function sumOf(encoded: Uint8Array): number | undefined {
  const reader = new WireReader(encoded);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 5) return reader.double();
    reader.skip();
  }
  return undefined;
}

describe('the metrics model', () => {
  it("gives back what OpenTelemetry's own encoder wrote", () => {
    fc.assert(
      fc.property(request, (given) => {
        const body = ProtobufMetricsSerializer.serializeRequest(given as unknown as Input)!;
        const decoded = decodeMetrics(body);
        const again = Uint8Array.from(encodeMetrics(decoded));
        expect(decodeMetrics(again)).toEqual(decoded);
        const points = given.scopeMetrics
          .flatMap(({ metrics }) => metrics)
          .reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
        expect(countPoints(decoded)).toBe(points);
        const values = decoded.resources
          .flatMap(({ scopes }) => scopes)
          .flatMap(({ metrics }) => metrics)
          .flatMap(({ data }) =>
            data.kind === 'histogram'
              ? data.points.map((point) => point.sum)
              : data.kind === 'gauge' || data.kind === 'sum'
                ? data.points.map((point) => Number(point.value))
                : data.points.map(({ encoded }) => sumOf(encoded)),
          );
        const expected = given.scopeMetrics
          .flatMap(({ metrics }) => metrics)
          .flatMap(({ dataPoints }) =>
            dataPoints.map(({ value }) => (typeof value === 'number' ? value : value.sum)),
          );
        expect(values).toEqual(expected);
      }),
    );
  });

  it('carries exponential histograms and summaries unread', () => {
    // Metric { name "m", summary { point { attribute { "k" }, start 5, time 9, count 3 } } }
    const fixed = (tag: number, value: number) => [tag, value, 0, 0, 0, 0, 0, 0, 0];
    const point = [...fixed(0x11, 5), ...fixed(0x19, 9), ...fixed(0x21, 3), 0x3a, 3, 0x0a, 1, 0x6b];
    const summary = [0x0a, point.length, ...point];
    const described = [0x0a, 1, 0x6d, 0x5a, summary.length, ...summary];
    const scope = [0x12, described.length, ...described];
    const resource = [0x12, scope.length, ...scope];
    const body = Uint8Array.of(0x0a, resource.length, ...resource);
    const decoded = decodeMetrics(body);
    const [read] = decoded.resources[0]!.scopes[0]!.metrics;
    expect(read).toMatchObject({
      name: 'm',
      data: { kind: 'summary', points: [{ startTimeUnixNano: 5n, timeUnixNano: 9n }] },
    });
    expect(decodeMetrics(Uint8Array.from(encodeMetrics(decoded)))).toEqual(decoded);
  });
});
