import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HEADER_CLOCK_OFFSET_MS, TOPIC_METRICS } from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { configSchema } from '../../src/config.ts';
import { startCollector } from '../../src/start-collector.ts';
import {
  CollectorFolder,
  privateKeyPem,
  statusMessage,
  tokenFor,
} from '../testing/collector-harness.ts';
import { metricsRequest } from '../testing/otlp-requests.ts';

const START = Date.parse('2026-03-01T12:00:00.000Z');

let folder: CollectorFolder;
let service: RunningService | undefined;
let nowMs: number;

beforeEach(async () => {
  folder = await CollectorFolder.create();
  nowMs = START;
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await folder.remove();
});

async function start(environment: Record<string, string>): Promise<void> {
  const config = loadConfig(configSchema, { ...folder.environment, ...environment });
  service = await startCollector(config, createLogger('collector', 'silent'), () => nowMs);
}

async function post(body: Buffer, token: string) {
  const response = await fetch(`${service!.addresses['otlp']!}/v1/metrics`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { 'content-type': 'application/x-protobuf', authorization: `Bearer ${token}` },
  });
  const text = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    message: response.ok ? '' : statusMessage(text),
  };
}

const of = (deviceId: string, points = 1) => metricsRequest({ 'device.id': deviceId }, points);

describe('a rate of bytes', () => {
  it('lets a device owe what its last request was too large by, and wait for it', async () => {
    const body = of('d-1', 100);
    const rate = Math.ceil(body.length / 10);
    await start({
      FLOTILLA_BYTE_RATE_PER_DEVICE: String(rate),
      FLOTILLA_BYTE_BURST_PER_DEVICE: '1',
    });
    const token = await tokenFor('d-1');
    expect((await post(body, token)).status).toBe(200);
    expect(await post(body, token)).toMatchObject({
      status: 429,
      retryAfter: '10',
      message: 'd-1 sends faster than the limit',
    });
    expect((await post(of('d-2'), await tokenFor('d-2'))).status).toBe(200);
    nowMs += 9_000;
    expect((await post(body, token)).status).toBe(429);
    nowMs += 1_001;
    expect((await post(body, token)).status).toBe(200);
  });

  it('counts a slow body before it has come', async () => {
    const body = of('d-1');
    await start({
      FLOTILLA_BYTE_RATE_PER_DEVICE: String(body.length),
      FLOTILLA_BYTE_BURST_PER_DEVICE: String(2 * body.length),
    });
    const token = await tokenFor('d-1');
    expect((await post(body, token)).status).toBe(200);
    nowMs += 10_000;
    const slow = request(`${service!.addresses['otlp']!}/v1/metrics`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-protobuf',
        'content-length': 10 * body.length,
        authorization: `Bearer ${token}`,
        expect: '100-continue',
      },
    });
    slow.on('error', () => undefined);
    slow.flushHeaders();
    await once(slow, 'continue');
    expect(await post(body, token)).toMatchObject({ status: 429, retryAfter: '9' });
    slow.destroy();
  });

  it('bounds all senders together', async () => {
    await start({ FLOTILLA_BYTE_RATE_TOTAL: '100' });
    expect((await post(of('d-1', 100), await tokenFor('d-1'))).status).toBe(200);
    expect(await post(of('d-2'), await tokenFor('d-2'))).toMatchObject({
      status: 429,
      message: 'all senders together send faster than the limit',
    });
  });
});

describe('a rate of requests', () => {
  it('bounds all senders together, known or not before', async () => {
    await start({ FLOTILLA_RATE_TOTAL: '2' });
    const statuses = [];
    for (const id of ['d-1', 'd-2', 'd-3']) {
      statuses.push((await post(of(id), await tokenFor(id))).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    nowMs += 500;
    expect((await post(of('d-3'), await tokenFor('d-3'))).status).toBe(200);
  });

  it('is wider for a gateway', async () => {
    await start({
      FLOTILLA_RATE_BURST_PER_DEVICE: '1',
      FLOTILLA_RATE_PER_DEVICE: '0.1',
      FLOTILLA_GATEWAY_RATE_FACTOR: '3',
    });
    const gateway = { deviceId: 'g', model: 'm', group: 'g', gatewayFor: ['d-*'] };
    const token = await issueDeviceToken(gateway, readPrivateKey(privateKeyPem), START);
    const statuses = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await post(of('d-1'), token)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
  });
});

describe('a gateway', () => {
  it('speaks for the devices its token names, and for no other', async () => {
    await start({});
    const gateway = { deviceId: 'g', model: 'm', group: 'g', gatewayFor: ['d-*', 'e-1'] };
    const token = await issueDeviceToken(gateway, readPrivateKey(privateKeyPem), START);
    for (const id of ['g', 'd-1', 'e-1']) expect((await post(of(id), token)).status).toBe(200);
    for (const id of ['e-12', 'e', 'xd-1', 'D-1', '*', 'd']) {
      expect(await post(of(id), token)).toMatchObject({ status: 403 });
    }
    const mixed = await post(Buffer.concat([of('d-2'), of('stranger', 2)]), token);
    expect(mixed.status).toBe(200);
    const stored = await folder.readLog(TOPIC_METRICS);
    expect(stored.map(({ key }) => key)).toEqual(['g', 'd-1', 'e-1', 'd-2']);
  });
});

it('keeps an idle connection for longer than agents pause', async () => {
  await start({});
  const response = await fetch(`${service!.addresses['otlp']!}/healthz`);
  expect(response.headers.get('keep-alive')).toBe('timeout=75');
});

describe('a clock ahead', () => {
  /** The time of every point in the requests of `metricsRequest`. */
  const GIVEN = 1_700_000_000_000_000_005n;
  const at = (ms: number) => {
    const body = of('d-1', 3);
    const given = Buffer.alloc(8);
    given.writeBigUInt64LE(GIVEN);
    for (let i = body.indexOf(given); i !== -1; i = body.indexOf(given, i + 8)) {
      body.writeBigUInt64LE(BigInt(ms) * 1_000_000n + 5n, i);
    }
    return body;
  };

  it('beyond the bound is moved to now, and within is left alone', async () => {
    await start({ FLOTILLA_MAX_CLOCK_AHEAD_MS: '60000' });
    const token = await tokenFor('d-1');
    const within = START + 59_000;
    const beyond = START + 61_000;
    expect((await post(at(within), token)).status).toBe(200);
    expect((await post(at(beyond), token)).status).toBe(200);
    const records = await folder.readLog(TOPIC_METRICS);
    const [untouched, moved] = records.map(({ value }) => Buffer.from(value));
    expect(untouched!.equals(at(within))).toBe(true);
    expect(moved!.equals(at(START))).toBe(true);
    expect(records.map(({ headers }) => headers[HEADER_CLOCK_OFFSET_MS])).toEqual([
      undefined,
      '-61000',
    ]);
    const metrics = await (await fetch(`${service!.addresses['otlp']!}/metrics`)).text();
    expect(metrics).toContain('flotilla_collector_redated_items_total{signal="metrics"} 3');
  });
});
