import { once } from 'node:events';
import { connect } from 'node:http2';
import { credentials, makeGenericClientConstructor, Metadata, status } from '@grpc/grpc-js';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOPIC_METRICS } from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { configSchema } from '../../src/config.ts';
import { SIGNALS } from '../../src/receive/export-request.ts';
import { startCollector } from '../../src/start-collector.ts';
import { CollectorFolder, tokenFor } from '../testing/collector-harness.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';

const DEVICE = 'device-7';
const PATH = SIGNALS[0]!.grpcMethod;
const GZIP = 2;
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

let folder: CollectorFolder;
let service: RunningService | undefined;
const clients: Client[] = [];

beforeEach(async () => {
  folder = await CollectorFolder.create();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await service?.stop();
  service = undefined;
  await folder.remove();
});

async function start(environment: Record<string, string> = {}): Promise<RunningService> {
  const config = loadConfig(configSchema, { ...folder.environment, ...environment });
  service = await startCollector(config, createLogger('collector', 'silent'));
  return service;
}

function connectTo({ addresses }: RunningService, options: Record<string, unknown> = {}): Client {
  const address = addresses['otlpGrpc']!.slice('http://'.length);
  const Otlp = makeGenericClientConstructor({}, 'otlp');
  const client = new Otlp(address, credentials.createInsecure(), options);
  clients.push(client);
  return client;
}

/** OK, or the error of a refusal. */
function send(client: Client, body: Buffer, token: string): Promise<ServiceError | status.OK> {
  const metadata = new Metadata();
  if (token !== '') metadata.set('authorization', `Bearer ${token}`);
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(PATH, same, same, body, metadata, (error) =>
      resolve(error ?? status.OK),
    );
  });
}

async function countOf({ addresses }: RunningService, outcome: string): Promise<number> {
  const text = await (await fetch(`${addresses['otlp']!}/metrics`)).text();
  const line = new RegExp(`requests_total\\{signal="metrics",outcome="${outcome}"\\} (\\d+)`);
  return Number(line.exec(text)?.[1] ?? 0);
}

describe('OTLP/gRPC', () => {
  it('takes a gzipped request as it was', async () => {
    const client = connectTo(await start(), { 'grpc.default_compression_algorithm': GZIP });
    const body = metricsRequest({ 'device.id': DEVICE }, 300);
    expect(await send(client, body, await tokenFor(DEVICE))).toBe(status.OK);
    const [record] = await folder.readLog(TOPIC_METRICS);
    expect(Buffer.from(record!.value).equals(body)).toBe(true);
  });

  it('refuses a gzipped request that is too large once unpacked, and counts it', async () => {
    const collector = await start({ FLOTILLA_MAX_BODY_BYTES: '20000' });
    const client = connectTo(collector, { 'grpc.default_compression_algorithm': GZIP });
    const token = await tokenFor(DEVICE);
    const body = metricsRequest({ 'device.id': DEVICE }, 2000);
    expect(await send(client, body, token)).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await expect.poll(() => countOf(collector, 'malformed_body')).toBe(1);
    expect(await send(client, metricsRequest({ 'device.id': DEVICE }), token)).toBe(status.OK);
  });

  it('refuses an unknown sender before it has sent its request', async () => {
    const collector = await start();
    const session = connect(collector.addresses['otlpGrpc']!);
    try {
      const stream = session.request({
        ':method': 'POST',
        ':path': PATH,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const [headers] = (await once(stream, 'response')) as [Record<string, string>];
      expect(headers['grpc-status']).toBe(String(status.UNAUTHENTICATED));
    } finally {
      session.destroy();
    }
    expect(await countOf(collector, 'unauthenticated')).toBe(1);
  });

  it('goes on with the connection after refusing a large request unread', async () => {
    const client = connectTo(await start());
    const body = metricsRequest({ 'device.id': DEVICE });
    for (let i = 0; i < 5; i += 1) {
      const refused = await send(client, Buffer.alloc(3 * 1024 * 1024), '');
      expect(refused).toMatchObject({ code: status.UNAUTHENTICATED });
    }
    expect(await send(client, body, await tokenFor(DEVICE))).toBe(status.OK);
  });

  it('counts a call that was given up in its request', async () => {
    const collector = await start();
    const token = await tokenFor(DEVICE);
    const session = connect(collector.addresses['otlpGrpc']!);
    session.on('error', () => undefined);
    const settled = once(session, 'remoteSettings');
    const stream = session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      authorization: `Bearer ${token}`,
      te: 'trailers',
    });
    stream.on('error', () => undefined);
    stream.write(Buffer.from([0, 0, 0, 1, 0, 10]));
    await settled;
    session.destroy();
    await expect.poll(() => countOf(collector, 'malformed_body')).toBe(1);
  });

  it('says UNAVAILABLE with a pause when the log is full, and counts it', async () => {
    const collector = await start({ FLOTILLA_MAX_LOG_BYTES: '4096' });
    const client = connectTo(collector);
    const large = metricsRequest({ 'device.id': DEVICE }, 300);
    const answer = await send(client, large, await tokenFor(DEVICE));
    expect(answer).toMatchObject({ code: status.UNAVAILABLE, details: 'the event log is full' });
    const details = (answer as ServiceError).metadata.get('grpc-status-details-bin')[0] as Buffer;
    expect(details.toString('latin1')).toContain(RETRY_INFO);
    expect(await countOf(collector, 'unavailable')).toBe(1);
  });

  it('finishes at a stop what it took in: acknowledged is stored, the rest is UNAVAILABLE', async () => {
    const collector = await start({ FLOTILLA_RATE_BURST_PER_DEVICE: '1000000' });
    const token = await tokenFor(DEVICE);
    const acknowledged: number[] = [];
    const refusals = new Set<status>();
    let stopping = false;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      const client = connectTo(collector);
      for (let i = 0; ; i += 1) {
        const name = writer * 1_000_000 + i;
        const answer = await send(client, metricsRequest({ 'device.id': DEVICE, name }), token);
        if (answer === status.OK) acknowledged.push(name);
        else {
          refusals.add(answer.code);
          if (stopping) return;
        }
      }
    });
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(100);
    stopping = true;
    await collector.stop();
    service = undefined;
    await Promise.all(writers);
    expect([...refusals].filter((code) => code !== status.UNAVAILABLE)).toEqual([]);
    const stored = new Set((await folder.readLog(TOPIC_METRICS)).map(({ value }) => hex(value)));
    const lost = acknowledged.filter(
      (name) => !stored.has(hex(metricsRequest({ 'device.id': DEVICE, name }))),
    );
    expect(lost).toEqual([]);
  });
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
