import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tokenFor } from '../testing/collector-harness.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';
import { CollectorChild } from './collector-child.ts';
import { FuzzClient } from './fuzz-client.ts';
import { DEVICE } from './fuzz-input.ts';
import { SeededRandom } from './seeded-random.ts';

const CONNECTIONS = Number(process.env['FUZZ_CONNECTIONS'] ?? 2000);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const PARALLEL = 16;
const MIB = 1024 * 1024;
/** A socket's parser, timers and chunks are some 10 KiB: leaking each would be ten times this. */
const HELD_GROWTH_BYTES = 4 * MIB;
const BODY = metricsRequest({ 'device.id': DEVICE }, 20);

let child: CollectorChild;
let client: FuzzClient;
let token: string;

beforeEach(async () => {
  child = await CollectorChild.start();
  token = await tokenFor(DEVICE);
  client = new FuzzClient(child.addresses['otlp']!, token, 2);
});
afterEach(async () => {
  client.close();
  await child.stop();
});

function open(): Socket {
  const { hostname, port } = new URL(child.addresses['otlp']!);
  const socket = connect(Number(port), hostname);
  // A reset is what these connections are about; whoever waits for an answer sees its absence.
  socket.on('error', () => undefined);
  return socket;
}

const head = (bodyBytes: number, more = '') =>
  `POST /v1/metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
  `content-type: application/x-protobuf\r\ncontent-length: ${bodyBytes}\r\n${more}\r\n`;

/** What a connection sends before it is dropped; none of it is a request that ends well. */
const ABANDONED: readonly ((random: SeededRandom) => (string | Buffer)[])[] = [
  () => [],
  (random) => [head(BODY.length).slice(0, random.between(1, 80))],
  (random) => [head(BODY.length), BODY.subarray(0, random.between(0, BODY.length))],
  (random) => [head(4 * MIB), random.bytes(random.between(1, 20_000))],
  (random) => [
    head(BODY.length).replace(/content-length: \d+/, 'transfer-encoding: chunked'),
    `${random.between(100, 9999).toString(16)}\r\nabc`,
  ],
  // The request is whole, but nobody is left to hear the answer.
  () => [head(BODY.length), BODY],
  () => [head(BODY.length), BODY, head(BODY.length), BODY.subarray(0, 9)],
];

async function abandon(random: SeededRandom): Promise<void> {
  const socket = open();
  await once(socket, 'connect');
  for (const part of random.pick(ABANDONED)(random)) socket.write(part);
  // So that the collector sees an orderly end, a reset, and a half-read answer.
  random.pick([
    () => socket.destroySoon(),
    () => socket.resetAndDestroy(),
    () => socket.destroy(),
  ])();
  await once(socket, 'close');
}

async function churn(connections: number, random: SeededRandom): Promise<void> {
  let left = connections;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await abandon(random);
      if (left % 100 === 0) expect(await client.healthy()).toBe(200);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

const descriptors = async () => (await readdir(`/proc/${child.pid}/fd`)).length;

/** The bytes of the answer up to the end of the connection. */
async function answerTo(...parts: (string | Buffer)[]): Promise<string> {
  const socket = open();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  for (const part of parts) socket.write(part);
  await once(socket, 'close');
  return text;
}

describe('the collector and connections that come to nothing', () => {
  it.runIf(process.platform === 'linux')(
    `keeps neither memory nor descriptors of ${CONNECTIONS} of them, FUZZ_SEED=${SEED}`,
    async () => {
      const random = new SeededRandom(SEED);
      await churn(500, random);
      const idle = await descriptors();
      const before = await child.heldBytes();
      await churn(CONNECTIONS, random);
      await vi.waitFor(async () => expect(await descriptors()).toBeLessThanOrEqual(idle + 4), {
        timeout: 20_000,
        interval: 50,
      });
      expect((await child.heldBytes()) - before, `FUZZ_SEED=${SEED}`).toBeLessThan(
        HELD_GROWTH_BYTES,
      );
      child.assertAlive();
    },
    3_600_000,
  );

  it('serves others while bodies dribble in, and takes those when they are whole', async () => {
    const slow = Array.from({ length: 50 }, () => {
      const socket = open();
      socket.write(head(BODY.length, 'connection: close\r\n'));
      return socket;
    });
    for (const at of Array.from({ length: 8 }, (_, i) => i)) {
      const step = Math.ceil(BODY.length / 8);
      for (const socket of slow) socket.write(BODY.subarray(at * step, (at + 1) * step));
      expect(await client.healthy()).toBe(200);
    }
    const answers = await Promise.all(
      slow.map(async (socket) => {
        const [first] = (await once(socket, 'data')) as [Buffer];
        return first.toString('latin1', 0, 12);
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200']));
  });

  it('refuses what is no HTTP, or HTTP that means two things', async () => {
    const both = head(BODY.length, 'transfer-encoding: chunked\r\n');
    const twice = head(BODY.length, `content-length: ${BODY.length + 1}\r\n`);
    const shorter = head(BODY.length).replace(/content-length: \d+/, 'content-length: -5');
    const folded = head(BODY.length, 'x: a\r\n b\r\n: c\r\n');
    for (const text of ['\u0016\u0003\u0001hello\r\n\r\n', both, twice, shorter, folded]) {
      expect(await answerTo(text, BODY)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(await answerTo(head(5, `x-long: ${'y'.repeat(40_000)}\r\n`))).toMatch(
      /^HTTP\/1\.1 431 /,
    );
    expect(await client.healthy()).toBe(200);
  });
});
