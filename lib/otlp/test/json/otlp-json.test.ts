import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonLogsSerializer, ProtobufLogsSerializer } from '@opentelemetry/otlp-transformer';
import { OtlpJsonError, otlpJsonToProtobuf, WireReader } from '../../src/index.ts';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const attribute = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
  fc.boolean(),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
);
const attributes = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), attribute, {
  maxKeys: 6,
  noNullPrototype: true,
});

/** Fields of a message in a form that does not depend on their order; nested ones by their bytes' fields. */
function fieldsOf(bytes: Uint8Array, paths: ReadonlySet<string>, path = ''): unknown[] {
  const found: unknown[] = [];
  const reader = new WireReader(bytes);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const here = `${path}/${field}`;
    const before = reader.remainingBytes;
    if (paths.has(here)) found.push([field, fieldsOf(reader.bytes(), paths, here)]);
    else {
      const start = bytes.length - before;
      reader.skip();
      const raw = bytes.subarray(start, bytes.length - reader.remainingBytes);
      // What proto3 may leave out: zero of any scalar type.
      if (raw.some((byte) => byte !== 0)) found.push([field, Buffer.from(raw).toString('hex')]);
    }
  }
  return found.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

describe('otlpJsonToProtobuf', () => {
  it('makes of the SDK’s JSON what the SDK writes as protobuf', () => {
    const paths = new Set(['/1', '/1/1', '/1/2', '/1/2/1', '/1/2/2']);
    fc.assert(
      fc.property(attributes, attributes, fc.string(), fc.nat(24), (resource, own, body, level) => {
        const records = [
          {
            hrTime: [1_700_000_000, 123_456_789] as [number, number],
            hrTimeObserved: [1_700_000_001, 5] as [number, number],
            severityNumber: level as never,
            severityText: 'INFO',
            body,
            resource: { attributes: resource, getRawAttributes: () => Object.entries(resource) },
            instrumentationScope: { name: 'test', version: '1' },
            attributes: own,
            droppedAttributesCount: 0,
            spanContext: {
              traceId: '0123456789abcdef0123456789abcdef',
              spanId: '0123456789abcdef',
              traceFlags: 1,
            },
          },
        ] as unknown as Parameters<typeof JsonLogsSerializer.serializeRequest>[0];
        const fromJson = otlpJsonToProtobuf('logs', JsonLogsSerializer.serializeRequest(records)!);
        const direct = ProtobufLogsSerializer.serializeRequest(records)!;
        expect(fieldsOf(fromJson, paths)).toEqual(fieldsOf(direct, paths));
      }),
    );
  });

  it('takes 64-bit integers as text or number, base64 and hex, NaN and Infinity', () => {
    const point = (asDouble: unknown, asInt: unknown, time: unknown) =>
      json({
        resourceMetrics: [
          {
            scopeMetrics: [
              { metrics: [{ gauge: { dataPoints: [{ timeUnixNano: time, asDouble, asInt }] } }] },
            ],
          },
        ],
      });
    const bytes = otlpJsonToProtobuf('metrics', point('NaN', '-7', '1700000000000000001'));
    let reader = new WireReader(bytes);
    for (const expected of [1, 2, 2, 5, 1]) {
      expect(reader.next()).toBe(expected);
      reader = reader.message();
    }
    reader.next();
    expect(reader.fixed64()).toBe(1_700_000_000_000_000_001n);
    reader.next();
    expect(reader.double()).toBeNaN();
    reader.next();
    expect(reader.sfixed64()).toBe(-7n);
    expect(otlpJsonToProtobuf('metrics', point('Infinity', -7, 5)).length).toBe(bytes.length);
  });

  it('keeps every digit of 64-bit integers that come as numbers', () => {
    const wholeRange = [
      '1700000000000000001',
      '18446744073709551615',
      '9007199254740993',
      '4294967296',
    ];
    for (const digits of wholeRange) {
      const request = (time: string) =>
        Buffer.from(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":${time}}]}]}]}`);
      expect(otlpJsonToProtobuf('logs', request(digits)).toString('hex')).toBe(
        otlpJsonToProtobuf('logs', request(`"${digits}"`)).toString('hex'),
      );
    }
    const large = Buffer.from(
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"doubleValue":12345678901234567890}}]}]}]}',
    );
    expect(otlpJsonToProtobuf('logs', large).readDoubleLE(9)).toBe(Number('12345678901234567890'));
    const infinite = Buffer.from(
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"doubleValue":1e999}}]}]}]}',
    );
    expect(() => otlpJsonToProtobuf('logs', infinite)).toThrow('must be a number');
  });

  it('ignores unknown fields and nulls', () => {
    const request = { resourceLogs: [{ novel: [{}], resource: null }], other: 1 };
    expect(otlpJsonToProtobuf('logs', json(request)).toString('hex')).toBe('0a00');
  });

  const log = (record: unknown) => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] });
  const at = '/resourceLogs/0/scopeLogs/0/logRecords/0';
  it.each([
    [[], '', /must be an object/],
    [{ resourceLogs: {} }, '/resourceLogs', /must be an array/],
    [{ resourceLogs: [1] }, '/resourceLogs/0', /must be an object/],
    [log({ severityNumber: 'INFO' }), `${at}/severityNumber`, /must be an integer/],
    [log({ timeUnixNano: -1 }), `${at}/timeUnixNano`, /must lie in 0/],
    [log({ timeUnixNano: 1.5 }), `${at}/timeUnixNano`, /must be an integer/],
    [log({ traceId: 'xyz' }), `${at}/traceId`, /hexadecimal/],
    [log({ body: { bytesValue: '!' } }), `${at}/body/bytesValue`, /base64/],
    [log({ body: { stringValue: 7 } }), `${at}/body/stringValue`, /text/],
    [log({ flags: 2 ** 32 }), `${at}/flags`, /must lie in/],
    // Names that every object has are no numbers, and nor is what only JavaScript reads as one.
    ...['constructor', 'toString', '__proto__', '0x10', ' 5', '1e999', ''].map(
      (text): [unknown, string, RegExp] => [
        log({ body: { doubleValue: text } }),
        `${at}/body/doubleValue`,
        /must be a number/,
      ],
    ),
  ])('refuses %j, naming the place', (request, pointer, message) => {
    try {
      otlpJsonToProtobuf('logs', json(request));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(OtlpJsonError);
      expect(error).toMatchObject({ pointer });
      expect((error as Error).message).toMatch(message);
    }
  });

  it('refuses what is no JSON, no UTF-8, or nests without end', () => {
    for (const bytes of [Buffer.from('{'), Buffer.from([0x22, 0xff, 0x22])]) {
      expect(() => otlpJsonToProtobuf('logs', bytes)).toThrow('is not JSON');
    }
    let body: unknown = { stringValue: 'x' };
    for (let i = 0; i < 200; i += 1) body = { arrayValue: { values: [body] } };
    expect(() => otlpJsonToProtobuf('logs', json(log({ body })))).toThrow('nests deeper');
  });
});
