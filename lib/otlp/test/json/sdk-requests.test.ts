import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { otlpJsonToProtobuf } from '../../src/index.ts';
import { EXPORT_REQUESTS } from '../../src/json/otlp-messages.ts';
import { canonicalMessage } from './canonical-message.ts';

type MetricsArgument = Parameters<typeof JsonMetricsSerializer.serializeRequest>[0];
type SpansArgument = Parameters<typeof JsonTraceSerializer.serializeRequest>[0];

// JSON.stringify writes minus zero as zero.
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n));
const attributes = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.oneof(
    fc.string(),
    fc.integer(),
    finite.filter((n) => !Number.isInteger(n)),
    fc.boolean(),
    fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
  ),
  { maxKeys: 4, noNullPrototype: true },
);
const hrTime = fc.tuple(fc.integer({ min: 0, max: 2 ** 32 }), fc.nat(999_999_999));
const count = fc.nat(1_000_000);
const counts = fc.array(count, { minLength: 1, maxLength: 6 });
const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .filter((id) => id.some((byte) => byte !== 0))
    .map((id) => Buffer.from(id).toString('hex'));
const resource = attributes.map((own) => ({
  attributes: own,
  getRawAttributes: () => Object.entries(own),
}));
const scope = fc.record({ name: fc.string(), version: fc.string() });

/** Values of the SDK's DataPointType: histogram, exponential histogram, gauge, sum. */
const histogram = fc
  .record({ counts, bounds: fc.array(finite, { maxLength: 5 }), sum: finite, count, min: finite })
  .map(({ counts: own, bounds, sum, count: total, min }) => ({
    dataPointType: 0,
    value: { buckets: { boundaries: bounds, counts: own }, sum, count: total, min, max: min },
  }));
const side = fc.record({ offset: fc.integer({ min: -100, max: 100 }), bucketCounts: counts });
const exponential = fc
  .record({ positive: side, negative: side, scale: fc.integer({ min: -10, max: 20 }), count })
  .map((point) => ({
    dataPointType: 1,
    value: { ...point, sum: 1.5, min: -1, max: 2, zeroCount: point.count },
  }));
const gauge = finite.map((value) => ({ dataPointType: 2, value }));
const sum = fc.integer().map((value) => ({ dataPointType: 3, value }));

const metric = fc
  .record({
    point: fc.oneof(histogram, exponential, gauge, sum),
    name: fc.string(),
    unit: fc.string(),
    isInteger: fc.boolean(),
    isMonotonic: fc.boolean(),
    temporality: fc.constantFrom(0, 1),
    attributes,
    startTime: hrTime,
    endTime: hrTime,
  })
  .map(({ point, name, unit, isInteger, isMonotonic, temporality, ...rest }) => ({
    descriptor: {
      ...{ name, unit, description: 'what it is', type: 'COUNTER' },
      // ValueType: INT 0, DOUBLE 1.
      valueType: isInteger && Number.isSafeInteger(point.value) ? 0 : 1,
    },
    aggregationTemporality: temporality,
    dataPointType: point.dataPointType,
    isMonotonic,
    dataPoints: [{ ...rest, value: point.value }],
  }));

const event = fc.record({
  name: fc.string(),
  time: hrTime,
  attributes,
  droppedAttributesCount: count,
});
const context = fc.record({ traceId: hex(16), spanId: hex(8), traceFlags: fc.nat(1) });
const span = fc
  .record({
    context,
    parent: fc.option(context, { nil: undefined }),
    name: fc.string(),
    kind: fc.nat(4),
    startTime: hrTime,
    endTime: hrTime,
    attributes,
    droppedAttributesCount: count,
    events: fc.array(event, { maxLength: 2 }),
    links: fc.array(fc.record({ context, attributes, droppedAttributesCount: count }), {
      maxLength: 2,
    }),
    status: fc.record({ code: fc.nat(2), message: fc.string() }),
    resource,
    instrumentationScope: scope,
  })
  .map(({ context: own, parent, ...rest }) => ({
    ...rest,
    spanContext: () => own,
    parentSpanContext: parent,
    droppedEventsCount: 1,
    droppedLinksCount: 2,
  }));

function expectSame(
  signal: keyof typeof EXPORT_REQUESTS,
  json: Uint8Array | undefined,
  protobuf: Uint8Array | undefined,
): void {
  const shape = EXPORT_REQUESTS[signal];
  const ours = canonicalMessage(otlpJsonToProtobuf(signal, json!), shape);
  expect(ours).toEqual(canonicalMessage(Buffer.from(protobuf!), shape));
}

describe('otlpJsonToProtobuf makes of the SDK’s JSON what the SDK writes as protobuf', () => {
  it('for metrics of every kind', () => {
    const metrics = fc.array(metric, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(resource, scope, metrics, (owner, library, own) => {
        const request = {
          resource: owner,
          scopeMetrics: [{ scope: library, metrics: own }],
        } as unknown as MetricsArgument;
        const json = JsonMetricsSerializer.serializeRequest(request);
        expectSame('metrics', json, ProtobufMetricsSerializer.serializeRequest(request));
      }),
    );
  });

  it('for spans with events, links and a status', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 3 }), (own) => {
        const spans = own as unknown as SpansArgument;
        const json = JsonTraceSerializer.serializeRequest(spans);
        expectSame('traces', json, ProtobufTraceSerializer.serializeRequest(spans));
      }),
    );
  });
});
