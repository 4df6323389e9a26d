import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLogger } from '@flotilla/service';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CollectorMetrics } from '../../src/collector-metrics.ts';
import { ExportConnections } from '../../src/receive/export-connections.ts';
import type { Signal, Telemetry } from '../../src/receive/export-request.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';

const DEVICE = 'device-7';
const BODY = metricsRequest({ 'device.id': DEVICE }, 3);
const KEEP_ALIVE_MS = 60_000;

let server: Server;
let connections: ExportConnections;
let reachedNode: string[];
let forwarded: string[];
/** Requests whose telemetry waits to be forwarded, and those that did. */
let arrived: number;
/** Answers wait for this. */
let gate: Promise<void>;
const sockets: Socket[] = [];

async function start(
  timeouts: { keepAliveMs?: number; firstRequestMs?: number; requestMs?: number } = {},
) {
  server = createServer((request, response) => {
    reachedNode.push(`${request.method} ${request.url}`);
    request.resume().once('end', () => response.end('node'));
  });
  connections = new ExportConnections(server, 'connection', () => true, {
    receive: {
      authenticate: () => ({ deviceId: DEVICE, gatewayFor: null }),
      admission: { admit: () => undefined, charge: () => undefined },
      forward: async (signal: Signal, parts: readonly Telemetry[]) => {
        arrived += 1;
        await gate;
        for (const { batchId } of parts) forwarded.push(`${signal.signal} ${batchId}`);
      },
      metrics: new CollectorMetrics(new Registry()),
      clockRule: { maxAheadMs: 1e12, oldestMs: 0 },
      maxBodyBytes: 100_000,
      clock: () => Date.now(),
    },
    logger: createLogger('test', 'silent'),
    keepAliveMs: timeouts.keepAliveMs ?? KEEP_ALIVE_MS,
    firstRequestMs: timeouts.firstRequestMs ?? 60_000,
    requestMs: timeouts.requestMs ?? 60_000,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

beforeEach(async () => {
  reachedNode = [];
  forwarded = [];
  arrived = 0;
  gate = Promise.resolve();
  await start();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  connections.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A connection, and all it was answered so far. */
class Client {
  readonly socket: Socket;
  text = '';
  hasEnded = false;

  constructor() {
    const { port } = server.address() as AddressInfo;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    this.socket.on('error', () => undefined);
    this.socket.on('end', () => (this.hasEnded = true));
    this.socket.on('close', () => (this.hasEnded = true));
    sockets.push(this.socket);
  }

  get statuses(): string[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!);
  }

  answers(count: number) {
    return expect.poll(() => this.statuses.length, { timeout: 30_000, interval: 5 }).toBe(count);
  }

  async write(bytes: Buffer | string): Promise<void> {
    await new Promise((resolve) => this.socket.write(bytes, resolve));
  }
}

const request = (batch: string, more = '', body: Buffer = BODY) =>
  Buffer.concat([
    Buffer.from(
      `POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n` +
        `x-flotilla-batch-id: ${batch}\r\n${more}content-length: ${body.length}\r\n\r\n`,
    ),
    body,
  ]);

describe('a connection of export requests', () => {
  it('is answered over and over, and never reaches node:http', async () => {
    const client = new Client();
    for (let i = 1; i <= 3; i += 1) {
      await client.write(request(`b${i}`));
      await client.answers(i);
    }
    expect(client.statuses).toEqual(['200', '200', '200']);
    expect(client.text).toContain('keep-alive: timeout=60\r\n');
    expect(client.text).toMatch(/date: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\n/);
    expect(forwarded).toEqual(['metrics b1', 'metrics b2', 'metrics b3']);
    expect(reachedNode).toEqual([]);
  });

  it('takes a request in two pieces, wherever it is cut', async () => {
    const whole = request('cut');
    const places = [1, 20, whole.length - BODY.length - 2, whole.length - BODY.length];
    for (const place of [...places, whole.length - BODY.length + 1, whole.length - 1]) {
      const client = new Client();
      await client.write(whole.subarray(0, place));
      await nextTurn();
      await client.write(whole.subarray(place));
      await client.answers(1);
      expect(client.statuses, `cut at ${place}`).toEqual(['200']);
    }
  });

  it('takes requests that were sent without waiting, in their order, one at a time', async () => {
    const open = Promise.withResolvers<void>();
    gate = open.promise;
    const client = new Client();
    await client.write(Buffer.concat(['a', 'b', 'c'].map((batch) => request(batch))));
    await client.write(request('d'));
    await nextTurn();
    expect(client.text).toBe('');
    open.resolve();
    await client.answers(4);
    expect(forwarded).toEqual(['metrics a', 'metrics b', 'metrics c', 'metrics d']);
  });

  it('goes to node:http with its first other request, and stays there', async () => {
    const client = new Client();
    const chunked = Buffer.from(
      'POST /v1/metrics HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    );
    const get = Buffer.from('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await client.write(Buffer.concat([request('a'), request('b'), get, chunked, request('c')]));
    await client.answers(5);
    expect(forwarded).toEqual(['metrics a', 'metrics b']);
    expect(reachedNode).toEqual(['GET /healthz', 'POST /v1/metrics', 'POST /v1/metrics']);
  });

  it('hides no request in a body, and none behind one', async () => {
    const inner = request('smuggled');
    const client = new Client();
    await client.write(request('outer', 'transfer-encoding: chunked\r\n', inner));
    await client.answers(1);
    expect(client.statuses).toEqual(['400']);
    const other = new Client();
    await other.write(request('outer', '', inner));
    await other.answers(1);
    expect(other.statuses).toEqual(['400']);
    expect(forwarded).toEqual([]);
  });

  it('goes on behind a refused request whose body is still to come', async () => {
    const client = new Client();
    const refused = request('a', 'content-encoding: br\r\n', Buffer.alloc(50_000));
    await client.write(refused.subarray(0, 1000));
    await client.answers(1);
    expect(client.statuses).toEqual(['415']);
    await client.write(Buffer.concat([refused.subarray(1000), request('b')]));
    await client.answers(2);
    expect(client.statuses).toEqual(['415', '200']);
  });

  it('is answered after the sender has ended its side', async () => {
    const open = Promise.withResolvers<void>();
    gate = open.promise;
    const client = new Client();
    client.socket.end(request('last'));
    await expect.poll(() => arrived, { timeout: 30_000, interval: 5 }).toBe(1);
    open.resolve();
    await client.answers(1);
    await expect.poll(() => client.hasEnded, { timeout: 30_000 }).toBe(true);
    const cut = new Client();
    cut.socket.end(request('cut').subarray(0, -1));
    await expect.poll(() => cut.hasEnded, { timeout: 30_000 }).toBe(true);
    expect(cut.text).toBe('');
    expect(forwarded).toEqual(['metrics last']);
  });

  it('takes no more from a sender that reads no answers', async () => {
    const client = new Client();
    client.socket.pause();
    const requests = 50_000;
    client.socket.write(Buffer.concat(Array<Buffer>(requests).fill(request('x'))));
    // Answers of some megabytes fit into the sockets, not all of them.
    let before = -1;
    const isStill = () => before === (before = forwarded.length) && before > 0;
    await expect.poll(isStill, { timeout: 50_000, interval: 500 }).toBe(true);
    expect(forwarded.length).toBeLessThan(requests);
    client.socket.resume();
    await client.answers(requests);
  });
});

describe('a connection that keeps us waiting', () => {
  it('ends when it brings nothing, and with 408 when it brings half a request', async () => {
    connections.destroy();
    await new Promise((resolve) => server.close(resolve));
    await start({ firstRequestMs: 50, requestMs: 50 });
    const silent = new Client();
    const slow = new Client();
    await slow.write(request('slow').subarray(0, -1));
    await expect.poll(() => silent.hasEnded && slow.hasEnded, { timeout: 30_000 }).toBe(true);
    expect(silent.text).toBe('');
    expect(slow.statuses).toEqual(['408']);
  });

  it('ends when it lies idle behind a refused request', async () => {
    connections.destroy();
    await new Promise((resolve) => server.close(resolve));
    await start({ keepAliveMs: 50 });
    const client = new Client();
    const refused = request('a', 'content-encoding: br\r\n', Buffer.alloc(50_000));
    await client.write(refused.subarray(0, 1000));
    await client.answers(1);
    await client.write(refused.subarray(1000));
    await expect.poll(() => client.hasEnded, { timeout: 30_000 }).toBe(true);
    expect(client.statuses).toEqual(['415']);
  });

  it('is kept while its request is under way, however long that takes', async () => {
    connections.destroy();
    await new Promise((resolve) => server.close(resolve));
    await start({ firstRequestMs: 50, requestMs: 50 });
    const open = Promise.withResolvers<void>();
    gate = open.promise;
    const client = new Client();
    const other = new Client();
    await client.write(request('long'));
    // By then the sweep that ends the other has passed over it.
    await expect.poll(() => other.hasEnded, { timeout: 30_000 }).toBe(true);
    open.resolve();
    await client.answers(1);
    expect(client.statuses).toEqual(['200']);
  });
});

describe('closing', () => {
  it('ends idle connections at once, and the others with their answer', async () => {
    const open = Promise.withResolvers<void>();
    const idle = new Client();
    await idle.write(request('idle'));
    await idle.answers(1);
    gate = open.promise;
    const busy = new Client();
    await busy.write(request('busy'));
    await expect.poll(() => arrived, { timeout: 30_000, interval: 5 }).toBe(2);
    connections.beginClosing();
    await expect.poll(() => idle.hasEnded, { timeout: 30_000 }).toBe(true);
    open.resolve();
    await expect.poll(() => busy.hasEnded, { timeout: 30_000 }).toBe(true);
    expect(busy.statuses).toEqual(['200']);
    expect(busy.text).toContain('connection: close\r\n');
  });
});
