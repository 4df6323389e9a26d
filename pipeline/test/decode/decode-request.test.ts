import { ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '@flotilla/otlp';
import { decodeRequest } from './decoded-rows.ts';
import {
  gauge,
  hrTime,
  logRecord,
  logsRequest,
  metricsOf,
  metricsRequest,
} from './otlp-samples.ts';

const LOGS = 'otlp_logs';
const METRICS = 'otlp_metrics';
const AT_MS = 1_700_000_000_123;
const nanos = (ms: number) => {
  const [seconds, rest] = hrTime(ms);
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));
};
const plain = (attributes: Record<string, string>) => ({ ...attributes });

describe('logs', () => {
  it('keeps every field the exporter keeps', () => {
    const [row] = decodeRequest(
      LOGS,
      logsRequest([
        logRecord('d1', AT_MS, {
          severityNumber: 17,
          severityText: 'ERROR',
          eventName: 'flotilla.update',
          attributes: { text: 'x', whole: 7, half: 0.5, yes: true, list: [1, 'a'] },
          spanContext: {
            traceId: '0123456789abcdef0123456789abcdef',
            spanId: '0123456789abcdef',
            traceFlags: 1,
          },
        }),
      ]),
    ).otel_logs!;
    expect(row).toMatchObject({
      Timestamp: { rawJSON: nanos(AT_MS) },
      SeverityNumber: 17,
      SeverityText: 'ERROR',
      EventName: 'flotilla.update',
      Body: 'line',
      TraceId: '0123456789abcdef0123456789abcdef',
      SpanId: '0123456789abcdef',
      TraceFlags: 1,
      ServiceName: 'flotilla-device',
      ScopeName: 'test',
      ScopeVersion: '1',
    });
    expect(plain(row!.ResourceAttributes)).toEqual({
      'device.id': 'd1',
      'device.model.identifier': 'sensor-1',
      'service.name': 'flotilla-device',
      'service.version': '1.0.0',
    });
    expect(plain(row!.LogAttributes)).toEqual({
      text: 'x',
      whole: '7',
      half: '0.5',
      yes: 'true',
      list: '[1,"a"]',
    });
  });

  it('takes the observed time when the record has none', () => {
    const bytes = logsRequest([
      logRecord('d1', AT_MS, { hrTime: [0, 0], hrTimeObserved: hrTime(AT_MS + 5) }),
    ]);
    const [row] = decodeRequest(LOGS, bytes).otel_logs!;
    expect(row!.Timestamp.rawJSON).toBe(nanos(AT_MS + 5));
  });

  it('returns what the SDK was given, whatever that was', () => {
    const attributeValue = fc.oneof(
      fc.string({ unit: 'binary' }).map((s) => s.toWellFormed()),
      fc.boolean(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
    );
    const record = fc.record({
      atMs: fc.integer({ min: 1, max: 4_000_000_000_000 }),
      body: fc.string({ unit: 'binary' }).map((s) => s.toWellFormed()),
      severity: fc.integer({ min: 1, max: 24 }),
      attributes: fc.dictionary(
        fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
        attributeValue,
      ),
    });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), (records) => {
        const bytes = logsRequest(
          records.map(({ atMs, body, severity, attributes }) =>
            logRecord('d1', atMs, { body, severityNumber: severity, attributes }),
          ),
        );
        const rows = decodeRequest(LOGS, bytes).otel_logs!;
        expect(rows.map((row) => [row.Timestamp.rawJSON, row.Body, row.SeverityNumber])).toEqual(
          records.map((given) => [nanos(given.atMs), given.body, given.severity]),
        );
        expect(rows.map((row) => plain(row.LogAttributes))).toEqual(
          records.map(({ attributes }) =>
            Object.fromEntries(Object.entries(attributes).map(([k, v]) => [k, String(v)])),
          ),
        );
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

describe('metrics', () => {
  it('decodes gauges of any number', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 4e12 }), fc.double()), {
          minLength: 1,
          maxLength: 20,
        }),
        (points) => {
          const bytes = metricsRequest(metricsOf('d1', [gauge('m', points)]));
          const rows = decodeRequest(METRICS, bytes).otel_metrics_gauge!;
          const words = new Map([
            ['nan', NaN],
            ['inf', Infinity],
            ['-inf', -Infinity],
          ]);
          expect(rows.map(({ Value }) => words.get(String(Value)) ?? Value)).toEqual(
            points.map(([, value]) => value),
          );
          expect(rows.map(({ TimeUnix }) => TimeUnix.rawJSON)).toEqual(
            points.map(([atMs]) => nanos(atMs)),
          );
        },
      ),
    );
  });

  it('decodes integer sums with temporality and monotonicity', () => {
    const bytes = metricsRequest(
      metricsOf('d1', [
        {
          descriptor: {
            name: 'restarts',
            description: 'd',
            unit: '{restart}',
            valueType: ValueType.INT,
          },
          aggregationTemporality: AggregationTemporality.CUMULATIVE,
          dataPointType: DataPointType.SUM,
          isMonotonic: true,
          dataPoints: [
            { startTime: hrTime(1), endTime: hrTime(AT_MS), attributes: { k: 'v' }, value: -3 },
          ],
        },
      ]),
    );
    const [row] = decodeRequest(METRICS, bytes).otel_metrics_sum!;
    expect(row).toMatchObject({
      MetricName: 'restarts',
      MetricDescription: 'd',
      MetricUnit: '{restart}',
      AggregationTemporality: 2,
      IsMonotonic: true,
      Value: -3,
      StartTimeUnix: { rawJSON: nanos(1) },
      ScopeVersion: '2',
    });
    expect(plain(row!.Attributes)).toEqual({ k: 'v' });
  });

  it('decodes both kinds of histogram', () => {
    const base = { startTime: hrTime(1), endTime: hrTime(AT_MS), attributes: {} };
    const descriptor = { name: 'h', description: '', unit: 's', valueType: ValueType.DOUBLE };
    const bytes = metricsRequest(
      metricsOf('d1', [
        {
          descriptor,
          aggregationTemporality: AggregationTemporality.DELTA,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: [
            {
              ...base,
              value: {
                count: 6,
                sum: 7.5,
                min: 0.25,
                max: 4,
                buckets: { boundaries: [1, 2], counts: [3, 2, 1] },
              },
            },
          ],
        },
        {
          descriptor,
          aggregationTemporality: AggregationTemporality.DELTA,
          dataPointType: DataPointType.EXPONENTIAL_HISTOGRAM,
          dataPoints: [
            {
              ...base,
              value: {
                count: 9,
                sum: 3,
                min: -1,
                max: 2,
                scale: -2,
                zeroCount: 4,
                positive: { offset: -7, bucketCounts: [1, 300] },
                negative: { offset: 5, bucketCounts: [2] },
              },
            },
          ],
        },
      ]),
    );
    const rows = decodeRequest(METRICS, bytes);
    const digits = (values: readonly { rawJSON: string }[]) => values.map((v) => v.rawJSON);
    expect(rows.otel_metrics_histogram![0]).toMatchObject({
      Count: { rawJSON: '6' },
      Sum: 7.5,
      Min: 0.25,
      Max: 4,
      ExplicitBounds: [1, 2],
      AggregationTemporality: 1,
    });
    expect(digits(rows.otel_metrics_histogram![0]!.BucketCounts)).toEqual(['3', '2', '1']);
    const exponential = rows.otel_metrics_exponential_histogram![0]!;
    expect(exponential).toMatchObject({
      Scale: -2,
      ZeroCount: { rawJSON: '4' },
      PositiveOffset: -7,
      NegativeOffset: 5,
      Min: -1,
      Max: 2,
    });
    expect(digits(exponential.PositiveBucketCounts)).toEqual(['1', '300']);
    expect(digits(exponential.NegativeBucketCounts)).toEqual(['2']);
  });

  it('decodes a summary and an exemplar, which the SDK does not write', () => {
    // metrics.proto by hand: Summary is field 11, its point 1, quantile values 6; Gauge 5, exemplars 5.
    const quantile = message([1, double(0.99)], [2, double(12.5)]);
    const point = message(
      [3, fixed64(5n)],
      [4, fixed64(2n ** 64n - 1n)],
      [5, double(1.5)],
      [6, quantile],
    );
    const exemplar = message([2, fixed64(6n)], [3, double(2)], [4, Buffer.from('ab', 'hex')]);
    const request = inScope(
      message([1, Buffer.from('s')], [11, message([1, point])]),
      message([1, Buffer.from('g')], [5, message([1, message([5, exemplar])])]),
    );
    const rows = decodeRequest(METRICS, request);
    expect(rows.otel_metrics_summary![0]).toMatchObject({
      MetricName: 's',
      Count: { rawJSON: '18446744073709551615' },
      Sum: 1.5,
      'ValueAtQuantiles.Quantile': [0.99],
      'ValueAtQuantiles.Value': [12.5],
    });
    expect(rows.otel_metrics_gauge![0]).toMatchObject({
      'Exemplars.Value': [2],
      'Exemplars.SpanId': ['ab'],
      'Exemplars.TimeUnix': [{ rawJSON: '6' }],
    });
  });

  it('reads a name that comes after the data', () => {
    const request = inScope(message([5, message([1, message()])], [1, Buffer.from('late')]));
    expect(decodeRequest(METRICS, request).otel_metrics_gauge![0]!.MetricName).toBe('late');
  });
});

describe('bytes that are no request', () => {
  const code = (topic: string, bytes: Uint8Array) => {
    try {
      decodeRequest(topic, bytes);
      return 'decoded';
    } catch (error) {
      return error instanceof DecodeError ? error.code : error;
    }
  };

  it.each([
    ['truncated', Buffer.from([0x0a, 5, 1])],
    ['truncated', Buffer.from([0x0a])],
    ['varint_too_long', Buffer.alloc(11, 0xff)],
    ['wire_type_invalid', Buffer.from([0x17])],
    ['wire_type_unexpected', Buffer.from([0x08, 1])],
    ['field_number_invalid', Buffer.from([0x02, 0])],
    ['utf8_invalid', message([1, message([3, Buffer.from([0xc3, 0x28])])])],
    ['time_out_of_range', inScope(message([1, fixed64(2n ** 63n)]))],
  ])('%s', (expected, bytes) => {
    expect(code(LOGS, bytes)).toBe(expected);
  });

  it('does not follow values nested without end', () => {
    let value: Buffer = message([1, Buffer.from('x')]);
    for (let i = 0; i < 5_000; i += 1) value = message([5, message([1, value])]);
    expect(code(LOGS, inScope(message([5, value])))).toBe('nesting_too_deep');
  });

  it('does not let a small record become a huge insert', () => {
    const attribute = message([1, Buffer.from('k')], [2, message([1, Buffer.alloc(100_000, 'x')])]);
    const points = Array.from({ length: 5_000 }, (): [number, Buffer] => [2, message()]);
    const bytes = message([1, message([1, message([1, attribute])], [2, message(...points)])]);
    expect(bytes.length).toBeLessThan(120_000);
    expect(code(LOGS, bytes)).toBe('expands_too_far');
  });

  it('names an unknown topic', () => {
    expect(code('otlp_else', Buffer.alloc(0))).toBe('topic_unknown');
  });

  it('gives rows or DecodeError for 24,000 mutated requests, and nothing else', () => {
    const seeds = {
      [LOGS]: logsRequest([logRecord('d1', AT_MS, { attributes: { a: [1, 'x'], b: true } })]),
      [METRICS]: metricsRequest(metricsOf('d1', [gauge('m', [[AT_MS, 1.5, { k: 'v' }]])])),
    };
    const outcomes = { rows: 0, refused: 0 };
    const mutation = fc.array(
      fc.tuple(
        fc.constantFrom('set', 'set', 'set', 'cut', 'insert', 'drop'),
        fc.noBias(fc.nat(10_000)),
        fc.integer({ min: 0, max: 255 }),
      ),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.constantFrom(LOGS, METRICS), mutation, (topic, steps) => {
        const mutated = steps.reduce(mutate, [...(seeds[topic] ?? [])]);
        const result = code(topic, Uint8Array.from(mutated));
        if (result === 'decoded') outcomes.rows += 1;
        else {
          expect(result).toBeTypeOf('string');
          outcomes.refused += 1;
        }
      }),
      { numRuns: 24_000 },
    );
    // Both outcomes must be common, else the mutations test nothing.
    expect(outcomes.rows).toBeGreaterThan(1_000);
    expect(outcomes.refused).toBeGreaterThan(1_000);
  }, 120_000);

  it('counts nothing in an empty request', () => {
    expect(decodeRequest(METRICS, new Uint8Array())).toEqual({});
  });
});

function mutate(bytes: number[], [how, place, byte]: [string, number, number]): number[] {
  if (bytes.length === 0) return how === 'insert' ? [byte] : [];
  const at = place % bytes.length;
  if (how === 'set') return bytes.with(at, byte);
  if (how === 'cut') return bytes.slice(0, at);
  if (how === 'insert') return bytes.toSpliced(at, 0, byte);
  return bytes.toSpliced(at, 1);
}

type FieldBytes = Buffer | { readonly fixed: Buffer };

function message(...fields: readonly [number, FieldBytes][]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) =>
      'fixed' in value
        ? Buffer.concat([varint(number * 8 + 1), value.fixed])
        : Buffer.concat([varint(number * 8 + 2), varint(value.length), value]),
    ),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function double(value: number): { fixed: Buffer } {
  const fixed = Buffer.alloc(8);
  fixed.writeDoubleLE(value);
  return { fixed };
}

function fixed64(value: bigint): { fixed: Buffer } {
  const fixed = Buffer.alloc(8);
  fixed.writeBigUInt64LE(value);
  return { fixed };
}

function inScope(...records: readonly Buffer[]): Buffer {
  const scope = message(...records.map((record): [number, Buffer] => [2, record]));
  return message([1, message([2, scope])]);
}
