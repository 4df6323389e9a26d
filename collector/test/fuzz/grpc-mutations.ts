import { deflateSync, gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { SIGNALS } from '../../src/receive/export-request.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';
import { DEVICE, MAX_BODY_BYTES, type Answer, type Mutation } from './fuzz-input.ts';
import { frame, NOBODY_LEFT, type GrpcInput } from './grpc-client.ts';
import { PROTOBUF_MUTATIONS } from './protobuf-mutations.ts';
import type { SeededRandom } from './seeded-random.ts';

const BODY = metricsRequest({ 'device.id': DEVICE, 'service.name': 'flotilla-device' }, 20);
const WHOLE = frame(BODY);
const BOMB = gzipSync(Buffer.alloc(128 * MAX_BODY_BYTES));
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const { OK, INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED } = status;
/** What the library says by itself of a message that it cannot unpack. */
const { INTERNAL, UNIMPLEMENTED, UNAUTHENTICATED } = status;

const encoded = (encoding: string, ...parts: Buffer[]): GrpcInput => ({
  headers: { 'grpc-encoding': encoding },
  parts,
});
const withHeaders = (headers: Record<string, string | undefined>): GrpcInput => ({
  headers,
  parts: [WHOLE],
});

/** The same bytes in DATA frames of any sizes. */
function cutUp(random: SeededRandom, bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + random.between(1, random.pick([3, 40, 400]));
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

function flip(random: SeededRandom, bytes: Buffer, maxFlips: number): Buffer {
  const flipped = Buffer.from(bytes);
  for (let flips = random.between(1, maxFlips); flips > 0; flips -= 1) {
    const at = random.between(0, flipped.length);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << random.between(0, 8)), at);
  }
  return flipped;
}

const GRPC_CODES = new Map<Answer, status>([
  [200, OK],
  [400, INVALID_ARGUMENT],
  [403, PERMISSION_DENIED],
]);

/** Everything that breaks a protobuf body, in a frame that is in order. */
const MESSAGES: readonly Mutation<GrpcInput>[] = PROTOBUF_MUTATIONS.map((mutation) => ({
  ...mutation,
  expected: mutation.expected.map((answer) => GRPC_CODES.get(answer) ?? answer),
  make: (random) => {
    const { path, body } = mutation.make(random);
    const signal = SIGNALS.find((candidate) => candidate.path === path);
    return { ...(signal !== undefined && { path: signal.grpcMethod }), parts: [frame(body)] };
  },
}));

const FRAMES: readonly Mutation<GrpcInput>[] = [
  {
    name: 'in pieces of any size',
    expected: [OK],
    make: (random) => ({ parts: cutUp(random, WHOLE) }),
  },
  {
    name: 'a frame cut short',
    expected: [INVALID_ARGUMENT],
    make: (random) => ({ parts: [WHOLE.subarray(0, random.between(0, WHOLE.length))] }),
  },
  {
    name: 'a frame with bits flipped',
    expected: [OK, INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED],
    make: (random) => ({ parts: [flip(random, WHOLE, 9)] }),
  },
  {
    name: 'a head with bits flipped',
    expected: [OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED],
    make: (random) => ({
      parts: [Buffer.concat([flip(random, WHOLE.subarray(0, 5), 4), WHOLE.subarray(5)])],
    }),
  },
  {
    name: 'random bytes for frames',
    expected: [INVALID_ARGUMENT, RESOURCE_EXHAUSTED],
    make: (random) => ({ parts: cutUp(random, random.bytes(random.between(1, 400))) }),
  },
  {
    name: 'a length that is too long',
    expected: [INVALID_ARGUMENT],
    make: (random) => ({
      parts: [frame(BODY, 0, BODY.length + random.between(1, MAX_BODY_BYTES - BODY.length))],
    }),
  },
  {
    name: 'a length beyond the limit',
    expected: [RESOURCE_EXHAUSTED],
    make: (random) => ({
      parts: [frame(BODY, 0, random.pick([MAX_BODY_BYTES + 1, 2 ** 31, 2 ** 32 - 1]))],
    }),
  },
  {
    name: 'a length that is too short',
    // The rest reads as another frame, or as the start of one.
    expected: [INVALID_ARGUMENT, RESOURCE_EXHAUSTED],
    make: (random) => ({ parts: [frame(BODY, 0, random.between(1, BODY.length))] }),
  },
  {
    name: 'more than one message',
    expected: [INVALID_ARGUMENT],
    make: (random) => ({ parts: [WHOLE, random.pick([WHOLE, frame(Buffer.alloc(0))])] }),
  },
  {
    name: 'empty messages by the thousand',
    expected: [INVALID_ARGUMENT],
    every: 20,
    make: () => ({ parts: [Buffer.alloc(5 * 20_000)] }),
  },
  {
    name: 'a message larger than the limit',
    expected: [RESOURCE_EXHAUSTED],
    every: 20,
    make: (random) => ({ parts: [frame(Buffer.alloc(MAX_BODY_BYTES + random.between(1, 4096)))] }),
  },
];

const COMPRESSION: readonly Mutation<GrpcInput>[] = [
  {
    name: 'compressed, in order',
    expected: [OK],
    make: (random) =>
      random.pick([
        () => encoded('gzip', frame(gzipSync(BODY), 1)),
        () => encoded('deflate', frame(deflateSync(BODY), 1)),
        // Announced for the call, not used for the message.
        () => encoded('gzip', WHOLE),
        () => encoded('unheard-of', WHOLE),
      ])(),
  },
  {
    name: 'a flag that lies',
    expected: [INTERNAL],
    make: (random) => encoded(random.pick(['gzip', 'deflate']), frame(BODY, 1)),
  },
  {
    name: 'compressed without the flag',
    expected: [INVALID_ARGUMENT],
    make: () => encoded('gzip', frame(gzipSync(BODY))),
  },
  {
    name: 'a flag without an encoding, or with bits that mean nothing',
    // The library takes both for a message that is not compressed.
    expected: [OK],
    make: (random) => ({ parts: [frame(BODY, random.between(1, 256))] }),
  },
  {
    name: 'an encoding that nobody knows',
    expected: [UNIMPLEMENTED],
    make: (random) =>
      encoded(random.pick(['br', 'zstd', 'snappy', 'x', random.text(20)]), frame(BODY, 1)),
  },
  {
    name: 'compressed, cut short',
    expected: [INTERNAL],
    make: (random) => {
      const packed = gzipSync(BODY);
      return encoded('gzip', frame(packed.subarray(0, random.between(1, packed.length)), 1));
    },
  },
  {
    name: 'compressed, bits flipped',
    expected: [OK, INTERNAL, INVALID_ARGUMENT, PERMISSION_DENIED, RESOURCE_EXHAUSTED],
    make: (random) => encoded('gzip', frame(flip(random, gzipSync(BODY), 4), 1)),
  },
  {
    name: 'a compression bomb',
    expected: [RESOURCE_EXHAUSTED],
    every: 20,
    make: () => encoded('gzip', frame(BOMB, 1)),
  },
];

const ENVELOPE: readonly Mutation<GrpcInput>[] = [
  {
    name: 'credentials that are none',
    expected: [UNAUTHENTICATED],
    make: (random) =>
      withHeaders({
        authorization: random.pick([
          undefined,
          'Bearer ',
          `Bearer ${random.text(40)}`,
          `Bearer ${random.text(30)}.${random.text(60)}.${random.text(86)}`,
        ]),
      }),
  },
  {
    name: 'a batch id that is none',
    expected: [INVALID_ARGUMENT],
    make: (random) => withHeaders({ 'x-flotilla-batch-id': random.pick(['a b', 'x'.repeat(65)]) }),
  },
  {
    name: 'a service that there is not',
    expected: [UNIMPLEMENTED],
    make: (random) => ({
      path: random.pick([
        '/',
        '/v1/metrics',
        `/${random.text(20)}/Export`,
        `${SIGNALS[0]?.grpcMethod ?? ''}s`,
      ]),
      parts: [WHOLE],
    }),
  },
  {
    name: 'a content type that is not gRPC',
    expected: ['HTTP 415'],
    make: (random) =>
      withHeaders({
        'content-type': random.pick([undefined, 'text/plain', 'application/x-protobuf']),
      }),
  },
  {
    name: 'a deadline that is none',
    expected: [INTERNAL],
    make: (random) =>
      withHeaders({ 'grpc-timeout': random.pick(['', 'soon', '1', 'S1', '1 day']) }),
  },
  {
    name: 'a deadline that has passed',
    expected: [OK, status.DEADLINE_EXCEEDED],
    make: (random) => withHeaders({ 'grpc-timeout': random.pick(['1n', '0S', '1u', '00000000m']) }),
  },
  {
    name: 'binary headers that are no base64',
    expected: [OK],
    make: (random) =>
      withHeaders({ 'x-junk-bin': random.pick(['!!!', '', ',,', random.text(99)]) }),
  },
  {
    name: 'given up in the request',
    expected: [NOBODY_LEFT],
    every: 10,
    make: (random) => ({
      abandoned: WHOLE.subarray(0, random.between(1, WHOLE.length + 1)),
      by: random.pick(['reset', 'connection']),
    }),
  },
  {
    name: 'no HTTP/2',
    expected: [NOBODY_LEFT],
    every: 10,
    make: (random) => ({
      raw: random.pick([
        () => random.bytes(random.between(1, 400)),
        () => Buffer.from('POST /v1/metrics HTTP/1.1\r\nhost: x\r\n\r\n'),
        () => HTTP2_PREFACE.subarray(0, random.between(1, HTTP2_PREFACE.length)),
        () => Buffer.concat([HTTP2_PREFACE, random.bytes(random.between(1, 400))]),
      ])(),
    }),
  },
];

export const GRPC_MUTATIONS: readonly Mutation<GrpcInput>[] = [
  ...MESSAGES,
  ...FRAMES,
  ...COMPRESSION,
  ...ENVELOPE,
];
