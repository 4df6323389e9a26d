import { gzipSync, zstdCompressSync } from 'node:zlib';
import { DEVICE, type FuzzRequest, type MutationClass } from './fuzz-input.ts';
import type { SeededRandom } from './seeded-random.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const NOW_NANOS = '1700000000000000005';

const resourceOf = (deviceId: unknown) => ({
  attributes: [
    { key: 'device.id', value: { stringValue: deviceId } },
    { key: 'service.name', value: { stringValue: 'flotilla-device' } },
  ],
});
const metric = (point: object, kind = 'gauge') => ({
  name: 'm',
  unit: '1',
  [kind]: { dataPoints: [{ timeUnixNano: NOW_NANOS, ...point }] },
});
const metricsOf = (point: object, deviceId: unknown = DEVICE) => ({
  resourceMetrics: [
    { resource: resourceOf(deviceId), scopeMetrics: [{ scope: {}, metrics: [metric(point)] }] },
  ],
});
const logsOf = (record: object) => ({
  resourceLogs: [
    {
      resource: resourceOf(DEVICE),
      scopeLogs: [{ logRecords: [{ timeUnixNano: NOW_NANOS, ...record }] }],
    },
  ],
});

const asJson = (body: unknown, path = '/v1/metrics'): FuzzRequest => ({
  path,
  headers: JSON_TYPE,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});
const asLogs = (record: object) => asJson(logsOf(record), '/v1/logs');

const HEALTHY: readonly ((random: SeededRandom) => FuzzRequest)[] = [
  () => asJson(metricsOf({ asDouble: 0.25 })),
  () => asJson(metricsOf({ asInt: '9223372036854775807' })),
  () => asJson({}),
  () => asJson({ resourceMetrics: [] }),
  () => asLogs({ body: { stringValue: 'hello' }, severityNumber: 9 }),
  () => asLogs({ body: null, attributes: [], traceId: '', unknown: { a: [1] } }),
  () => ({ ...asLogs({}), headers: { 'content-type': 'Application/JSON; charset=utf-8' } }),
];

function compressed(random: SeededRandom): FuzzRequest {
  const { body } = asJson(metricsOf({ asDouble: 1 }));
  const encoding = random.pick(['gzip', 'zstd']);
  return {
    headers: { ...JSON_TYPE, 'content-encoding': encoding },
    body: encoding === 'gzip' ? gzipSync(body) : zstdCompressSync(body),
  };
}

function flipped(random: SeededRandom): FuzzRequest {
  const input = random.pick(HEALTHY)(random);
  const body = Buffer.from(input.body);
  for (let flips = random.between(1, 6); flips > 0; flips -= 1) {
    const at = random.between(0, body.length);
    body.writeUInt8(body.readUInt8(at) ^ (1 << random.between(0, 8)), at);
  }
  return { ...input, body };
}

/** A body that nests, as text: an object of this depth could not be built to be written. */
function nested(random: SeededRandom): FuzzRequest {
  const depth = random.between(1_000, 20_000);
  const [open, close] = random.pick([
    ['{"arrayValue":{"values":[', ']}}'],
    ['{"kvlistValue":{"values":[{"key":"k","value":', '}]}}'],
  ] as const);
  const value = `${open.repeat(depth)}${close.repeat(depth)}`;
  return random.pick([
    () => asJson('['.repeat(depth)),
    () => asJson(`{"resourceMetrics":${'['.repeat(depth)}${']'.repeat(depth)}}`),
    () =>
      asJson(
        JSON.stringify(logsOf({ body: 1 })).replace('"body":1', `"body":${value}`),
        '/v1/logs',
      ),
  ])();
}

const duplicate = (first: string, second: string) =>
  asJson(
    `{"resourceMetrics":[{"resource":{"attributes":[{"key":"device.id","value":` +
      `{"stringValue":"${first}","stringValue":"${second}"}}]}}]}`,
  );

export const JSON_MUTATIONS: readonly MutationClass[] = [
  {
    name: 'JSON, healthy',
    expected: [200],
    make: (random) => random.pick([...HEALTHY, compressed])(random),
  },
  {
    name: 'JSON, cut short',
    expected: [400],
    make: (random) => {
      const input = random.pick(HEALTHY)(random);
      return { ...input, body: input.body.subarray(0, random.between(0, input.body.length)) };
    },
  },
  { name: 'JSON, bits flipped', expected: [200, 400, 403], make: flipped },
  { name: 'JSON that nests deeply', expected: [400], every: 4, make: nested },
  {
    name: 'JSON of another type than its field',
    expected: [400],
    make: (random) =>
      random.pick([
        () => asJson(random.pick(['[]', 'null', '5', '"text"', 'true'])),
        () => asJson({ resourceMetrics: random.pick<unknown>([{}, 'x', 5, true]) }),
        () => asJson({ resourceMetrics: [random.pick<unknown>([[], 'x', 5, true])] }),
        () => asJson(metricsOf({ asDouble: {} })),
        () => asJson(metricsOf({ timeUnixNano: [] })),
        () => asJson(metricsOf({ attributes: 'x' })),
        () => asJson(metricsOf({}, random.pick<unknown>([5, {}, [], true]))),
        () => asLogs({ body: 'not an AnyValue' }),
        () => asLogs({ traceId: 'no hex' }),
      ])(),
  },
  {
    name: 'JSON numbers beyond their type',
    expected: [400],
    make: (random) =>
      random.pick([
        () => asJson(metricsOf({ asInt: '99999999999999999999999' })),
        () => asJson(metricsOf({ timeUnixNano: '-1' })),
        () => asJson(metricsOf({ timeUnixNano: '18446744073709551616' })),
        () => asJson(metricsOf({ asInt: 1.5 })),
        () => asJson(metricsOf({ asInt: '9'.repeat(100_000) })),
        () => asJson(metricsOf({ flags: 2 ** 32 })),
      ])(),
  },
  {
    name: 'JSON names that every object has',
    expected: [200],
    make: (random) => {
      const name = random.pick(['__proto__', 'constructor', 'toString', 'hasOwnProperty']);
      const other = JSON.stringify(metricsOf({}, 'device-2'));
      return asJson(`{"${name}":${other}}`);
    },
  },
  {
    name: 'JSON that names two devices in one',
    expected: [403],
    // The last of equal names counts, as the bytes that go on are written from what was read.
    make: () => duplicate(DEVICE, 'device-2'),
  },
  {
    name: 'JSON of another device, or none',
    expected: [403],
    make: (random) =>
      random.pick([
        () => asJson(metricsOf({}, random.text(random.between(1, 60)))),
        () => asJson({ resourceMetrics: [{}] }),
        () => asJson({ resourceMetrics: [{ resource: resourceOf(DEVICE) }, { resource: {} }] }),
      ])(),
  },
  {
    name: 'JSON that is not UTF-8',
    expected: [400],
    make: (random) => ({
      ...asJson(''),
      body: Buffer.concat([
        Buffer.from('{"a":"'),
        Buffer.from([0xff, 0xc0]),
        random.bytes(3),
        Buffer.from('"}'),
      ]),
    }),
  },
];
