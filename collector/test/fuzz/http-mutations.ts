import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { metricsRequest } from '../testing/otlp-requests.ts';
import { DEVICE, MAX_BODY_BYTES, type FuzzRequest, type MutationClass } from './fuzz-input.ts';
import type { SeededRandom } from './seeded-random.ts';

const BODY = metricsRequest({ 'device.id': DEVICE, 'service.name': 'flotilla-device' }, 20);
const CODECS = {
  gzip: (body: Buffer) => gzipSync(body),
  zstd: (body: Buffer) => zstdCompressSync(body),
} as const;
type Codec = keyof typeof CODECS;
const PACKED = { gzip: CODECS.gzip(BODY), zstd: CODECS.zstd(BODY) };
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

const BOMBS = {
  // A gzip file may be a row of members (RFC 1952, 2.2).
  gzip: Buffer.concat(Array.from({ length: 16 }, () => gzipSync(Buffer.alloc(8 * MAX_BODY_BYTES)))),
  zstd: zstdCompressSync(Buffer.alloc(128 * MAX_BODY_BYTES)),
};

const PACKED_BOMB = { gzip: CODECS.gzip(BOMBS.gzip), zstd: CODECS.zstd(BOMBS.gzip) };

const codec = (random: SeededRandom): Codec => random.pick(['gzip', 'zstd']);
const encoded = (encoding: string, body: Buffer): FuzzRequest => ({
  headers: { 'content-encoding': encoding },
  body,
});

function corrupt(random: SeededRandom): FuzzRequest {
  const encoding = codec(random);
  const body = Buffer.from(PACKED[encoding]);
  const at = random.between(0, body.length);
  body.writeUInt8(body.readUInt8(at) ^ (1 << random.between(0, 8)), at);
  return encoded(encoding, body);
}

const COMPRESSION: readonly MutationClass[] = [
  {
    name: 'healthy, compressed',
    expected: [200],
    make: (random) => {
      const encoding = codec(random);
      return encoded(random.pick([encoding, encoding.toUpperCase()]), PACKED[encoding]);
    },
  },
  {
    name: 'compressed, cut short',
    expected: [400],
    make: (random) => {
      const encoding = codec(random);
      const body = PACKED[encoding];
      return encoded(encoding, body.subarray(0, random.between(0, body.length)));
    },
  },
  { name: 'compressed, a bit flipped', expected: [200, 400, 403, 413], make: corrupt },
  {
    name: 'not what content-encoding says',
    expected: [400],
    make: (random) =>
      random.pick([
        () => encoded('gzip', BODY),
        () => encoded('zstd', BODY),
        () => encoded('gzip', PACKED.zstd),
        () => encoded('zstd', PACKED.gzip),
        () => encoded('gzip', deflateSync(BODY)),
        () => ({ body: PACKED.gzip }),
        () => encoded(codec(random), random.bytes(random.between(1, 200))),
      ])(),
  },
  {
    name: 'compressed twice, announced once',
    expected: [400],
    make: (random) => {
      const outer = codec(random);
      return encoded(outer, CODECS[outer](PACKED.gzip));
    },
  },
  {
    name: 'a compression bomb',
    expected: [413],
    every: 20,
    make: (random) => {
      const encoding = codec(random);
      return encoded(encoding, BOMBS[encoding]);
    },
  },
  {
    name: 'a bomb in a bomb',
    expected: [400],
    every: 5,
    // Only the outer layer is undone; what comes out is no OTLP request.
    make: (random) => {
      const outer = codec(random);
      return encoded(outer, PACKED_BOMB[outer]);
    },
  },
  {
    name: 'a zstd frame that wants a huge window or says a huge size',
    expected: [400],
    make: (random) => {
      // RFC 8878, 3.1.1.1: single segment with an 8-byte content size, or a window descriptor.
      const segment = Buffer.from([0xe0, ...random.bytes(7), 0x7f, 1, 0, 0]);
      const descriptor = Buffer.from([0x00, random.between(15, 22) << 3, 1, 0, 0]);
      return encoded('zstd', Buffer.concat([ZSTD_MAGIC, random.pick([segment, descriptor])]));
    },
  },
];

function oversize(random: SeededRandom): FuzzRequest {
  const body = Buffer.alloc(MAX_BODY_BYTES + random.between(1, 4096));
  return { body, chunked: random.next() < 0.5 };
}

const ENVELOPE: readonly MutationClass[] = [
  {
    name: 'a content type that is not taken',
    expected: [415],
    make: (random) => ({
      headers: {
        'content-type': random.pick([
          null,
          'text/plain',
          'application/x-protobuffer',
          'application/grpc',
          'application/octet-stream',
          'multipart/form-data; boundary=x',
          `application/${random.text(12)}`,
          ';',
          'x'.repeat(4000),
        ]),
      },
      body: BODY,
    }),
  },
  {
    name: 'a content encoding that is not taken',
    expected: [415],
    make: (random) =>
      encoded(random.pick(['br', 'deflate', 'gzip, gzip', 'zstd,gzip', 'x', '*', ';']), BODY),
  },
  {
    name: 'a batch id that is none',
    expected: [400],
    make: (random) => ({
      headers: { 'x-flotilla-batch-id': random.pick(['', 'a b', 'x'.repeat(65), 'é', '../..']) },
      body: BODY,
    }),
  },
  {
    name: 'credentials that are none',
    expected: [401],
    make: (random) => ({
      headers: {
        authorization: random.pick([
          null,
          'Bearer',
          'Bearer ',
          'Basic dXNlcjpwYXNz',
          `Bearer ${random.text(40)}`,
          `Bearer ${random.text(30)}.${random.text(60)}.${random.text(86)}`,
          `Bearer ${'x'.repeat(6000)}`,
          'Bearer eyJhbGciOiJub25lIn0.e30.',
        ]),
      },
      body: BODY,
    }),
  },
  { name: 'larger than the limit', expected: [413], every: 20, make: oversize },
  {
    name: 'another method',
    expected: [405],
    make: (random) => ({ method: random.pick(['GET', 'PUT', 'PATCH', 'DELETE']), body: BODY }),
  },
  {
    name: 'another path',
    expected: [404],
    make: (random) => ({
      path: random.pick([
        '/v1/metric',
        '/v1/metrics/',
        '/V1/metrics',
        '/',
        `/v1/${random.text(9)}`,
      ]),
      body: BODY,
    }),
  },
];

export const HTTP_MUTATIONS: readonly MutationClass[] = [...COMPRESSION, ...ENVELOPE];
