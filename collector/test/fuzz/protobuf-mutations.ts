import { logsRequest, metricsRequest, field } from '../testing/otlp-requests.ts';
import { DEVICE, type FuzzRequest, type MutationClass } from './fuzz-input.ts';
import type { SeededRandom } from './seeded-random.ts';

const RESOURCE = { 'device.id': DEVICE, 'service.name': 'flotilla-device', site: 'a', rack: 7 };
const METRICS = [1, 3, 20].map((points) => metricsRequest(RESOURCE, points));
const LOGS = [logsRequest(RESOURCE), logsRequest(RESOURCE, RESOURCE)];

/** A body of either signal, as the OpenTelemetry SDK writes it, with the path it belongs to. */
function healthy(random: SeededRandom): { path: string; body: Buffer } {
  return random.next() < 0.5
    ? { path: '/v1/metrics', body: random.pick(METRICS) }
    : { path: '/v1/logs', body: random.pick(LOGS) };
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A varint that never ends within the ten bytes that protobuf allows. */
const overlong = (random: SeededRandom) =>
  Buffer.concat([Buffer.alloc(random.between(10, 40), 0x80), Buffer.from([1])]);

/** KeyValue { key, value: AnyValue } of a string. */
const attribute = (key: Buffer | string, value: Buffer | string) =>
  field(1, field(1, key), field(2, field(1, value)));

/** A request with one resource, whose attributes are given in wire form. */
const withAttributes = (...attributes: Buffer[]) => field(1, field(1, ...attributes));

const OWN_ID = attribute('device.id', DEVICE);
const EMPTY_KEY = field(1, field(1, 'k'));
const TOO_MANY_FIELDS = withAttributes(OWN_ID, Buffer.alloc(90_000 * EMPTY_KEY.length, EMPTY_KEY));

/** Any of the path's messages, with a hole for what breaks it. */
function within(random: SeededRandom, hole: Buffer): Buffer {
  return random.pick([
    () => Buffer.concat([random.pick(METRICS), hole]),
    () => field(1, field(1, OWN_ID), hole),
    () => field(1, field(1, OWN_ID, hole)),
    () => field(1, field(1, OWN_ID, field(1, field(1, 'device.id'), hole))),
    () => field(1, field(1, field(1, field(1, 'device.id'), field(2, field(1, DEVICE), hole)))),
  ])();
}

function flipBits(random: SeededRandom): FuzzRequest {
  const { path, body } = healthy(random);
  const flipped = Buffer.from(body);
  for (let flips = random.between(1, 9); flips > 0; flips -= 1) {
    const at = random.between(0, flipped.length);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << random.between(0, 8)), at);
  }
  return { path, body: flipped };
}

/** Cuts a piece out, doubles it, or puts it elsewhere. */
function splice(random: SeededRandom): FuzzRequest {
  const { path, body } = healthy(random);
  const cut = () => random.between(0, body.length + 1);
  const [from = 0, to = 0] = [cut(), cut()].sort((a, b) => a - b);
  const piece = random.next() < 0.5 ? body.subarray(from, to) : random.bytes(random.between(0, 40));
  const at = cut();
  return { path, body: Buffer.concat([body.subarray(0, at), piece, body.subarray(cut())]) };
}

/** What stands before an inner value of that size to wrap it once more. */
type Wrap = (innerBytes: number) => Buffer;

/** From the inside outwards, so that its cost grows with its size alone. */
function nested(random: SeededRandom, wrap: Wrap): Buffer {
  const innermost = field(1, 'deep');
  const prefixes: Buffer[] = [];
  let sizeBytes = innermost.length;
  for (let depth = random.between(50, 1500); depth > 0; depth -= 1) {
    const prefix = wrap(sizeBytes);
    prefixes.push(prefix);
    sizeBytes += prefix.length;
  }
  return Buffer.concat([...prefixes.reverse(), innermost]);
}

/** Tag and length of a field whose content follows. */
const head = (number: number, contentBytes: number) =>
  Buffer.concat([Buffer.from([(number << 3) | 2]), varint(BigInt(contentBytes))]);

function deepArray(innerBytes: number): Buffer {
  const value = head(1, innerBytes);
  return Buffer.concat([head(5, value.length + innerBytes), value]);
}

function deepMap(innerBytes: number): Buffer {
  const value = Buffer.concat([field(1, 'k'), head(2, innerBytes)]);
  const entry = Buffer.concat([head(1, value.length + innerBytes), value]);
  return Buffer.concat([head(6, entry.length + innerBytes), entry]);
}

function deeplyNestedAttribute(random: SeededRandom): FuzzRequest {
  const value = nested(random, random.pick([deepArray, deepMap]));
  return { body: withAttributes(OWN_ID, field(1, field(1, 'x'), field(2, value))) };
}

const rejected = [400];

export const PROTOBUF_MUTATIONS: readonly MutationClass[] = [
  { name: 'healthy', expected: [200], make: healthy },
  { name: 'no bytes at all', expected: [200], make: () => ({ body: Buffer.alloc(0) }) },
  {
    name: 'cut short inside its only resource',
    expected: rejected,
    make: (random) => {
      const body = random.pick(METRICS);
      return { body: body.subarray(0, random.between(1, body.length)) };
    },
  },
  { name: 'bits flipped', expected: [200, 400, 403], make: flipBits },
  { name: 'spliced', expected: [200, 400, 403], make: splice },
  {
    name: 'random bytes',
    expected: [200, 400, 403],
    make: (random) => ({ body: random.bytes(random.between(1, 400)) }),
  },
  {
    name: 'a length beyond the end',
    expected: rejected,
    make: (random) => {
      const length = random.pick([random.between(50_000, 2 ** 31), 2 ** 32, 2 ** 53, 2 ** 62]);
      const tag = Buffer.from([(1 << 3) | 2]);
      return {
        body: within(random, Buffer.concat([tag, varint(BigInt(length)), random.bytes(9)])),
      };
    },
  },
  {
    name: 'a varint of more than ten bytes',
    expected: rejected,
    make: (random) => {
      const prefix = random.pick([[], [2 << 3], [(3 << 3) | 2]]);
      return { body: within(random, Buffer.concat([Buffer.from(prefix), overlong(random)])) };
    },
  },
  {
    name: 'a wire type that does not exist',
    expected: rejected,
    make: (random) => ({
      body: within(random, Buffer.from([(random.between(1, 15) << 3) | random.pick([3, 4, 6, 7])])),
    }),
  },
  {
    name: 'field number 0 or above 2^29 - 1',
    expected: rejected,
    make: (random) => ({
      body: within(random, random.pick([Buffer.from([2, 0]), varint((1n << 32n) | 2n)])),
    }),
  },
  {
    name: 'a message where its field has another wire type',
    expected: rejected,
    make: (random) => ({
      body: random.pick([
        Buffer.from([1 << 3, random.between(0, 128)]),
        field(1, Buffer.from([1 << 3, 5])),
        field(1, field(1, Buffer.from([1 << 3, 5]))),
        field(1, field(1, field(1, Buffer.from([(1 << 3) | 5, 1, 2, 3, 4])))),
        field(1, field(1, field(1, field(1, 'device.id'), Buffer.from([2 << 3, 1])))),
      ]),
    }),
  },
  {
    name: 'a field twice that may stand once',
    expected: rejected,
    make: (random) => {
      const other = attribute('device.id', random.text(8));
      return {
        body: random.pick([
          field(1, field(1, OWN_ID), field(1, other)),
          withAttributes(
            field(1, field(1, 'x'), field(1, 'device.id'), field(2, field(1, DEVICE))),
          ),
          withAttributes(
            field(
              1,
              field(1, 'device.id'),
              field(2, field(1, DEVICE)),
              field(2, field(1, 'other')),
            ),
          ),
          withAttributes(
            field(1, field(1, 'device.id'), field(2, field(1, DEVICE), field(1, 'b'))),
          ),
        ]),
      };
    },
  },
  {
    name: 'more fields than any request needs',
    expected: rejected,
    every: 20,
    make: () => ({ body: TOO_MANY_FIELDS }),
  },
  {
    name: 'another device, or none',
    expected: [403],
    make: (random) => ({
      body: random.pick([
        withAttributes(attribute('device.id', random.text(random.between(1, 200)))),
        withAttributes(attribute('device.id', random.pick([`${DEVICE}\0`, ` ${DEVICE}`, '']))),
        withAttributes(OWN_ID, attribute('device.id', 'device-2')),
        withAttributes(OWN_ID, attribute('service.name', 'ota-service')),
        withAttributes(field(1, field(1, 'device.id'), field(2, Buffer.from([3 << 3, 1])))),
        withAttributes(field(1, field(1, 'device.id'))),
        withAttributes(),
        field(1),
        Buffer.concat([withAttributes(OWN_ID), field(1)]),
      ]),
    }),
  },
  {
    name: 'a device id that is not UTF-8',
    expected: [403],
    make: (random) => ({
      body: withAttributes(
        attribute('device.id', Buffer.concat([Buffer.from(DEVICE), Buffer.from([0xff, 0xc0])])),
        attribute('x', random.bytes(5)),
      ),
    }),
  },
  {
    name: 'fields nobody knows and empty scopes, by the ten thousand',
    // They may be skipped for next to nothing, or be too many.
    expected: [200, 400],
    every: 20,
    make: (random) => ({
      body: random.pick([
        () => Buffer.alloc(180_000, Buffer.from([5 << 3, 1])),
        () => field(1, field(1, OWN_ID), Buffer.alloc(180_000, Buffer.from([(2 << 3) | 2, 0]))),
      ])(),
    }),
  },
  { name: 'values that nest deeply', expected: [200], make: deeplyNestedAttribute },
];
