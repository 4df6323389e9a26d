import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  HEADER_RECEIVED_AT,
  HTTP_BATCH_ID,
  TOPIC_LOGS,
  TOPIC_METRICS,
  TOPIC_SPANS,
} from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { generateEd25519 } from '@flotilla/signing';
import { configSchema } from '../../src/config.ts';
import { startCollector } from '../../src/start-collector.ts';
import { CollectorFolder, statusMessage, tokenFor } from '../testing/collector-harness.ts';
import { logsRequest, metricsRequest } from '../testing/otlp-requests.ts';

const DEVICE = 'device-7';
const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const BODY = metricsRequest({ 'device.id': DEVICE });

let folder: CollectorFolder;
let service: RunningService | undefined;
let url: string;
let token: string;

beforeEach(async () => {
  folder = await CollectorFolder.create();
  token = await tokenFor(DEVICE);
  await start();
});
afterEach(async () => {
  await service?.stop();
  await folder.remove();
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  await service?.stop();
  const config = loadConfig(configSchema, { ...folder.environment, ...environment });
  service = await startCollector(config, createLogger('collector', 'silent'), () => NOW);
  url = service.addresses['otlp']!;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function post(
  body: Buffer,
  headers: Record<string, string> = {},
  path = '/v1/metrics',
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: {
      'content-type': 'application/x-protobuf',
      authorization: `Bearer ${token}`,
      ...headers,
    },
  });
  const { status } = response;
  return { status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}

function expectRefusal(answer: Answer, status: number, message: RegExp): void {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
  expect(statusMessage(answer.body)).toMatch(message);
}

describe('an admitted request', () => {
  it.each([
    ['as it is', (body: Buffer) => body, {}],
    ['named identity', (body: Buffer) => body, { 'content-encoding': 'identity' }],
    ['by gzip', (body: Buffer) => gzipSync(body), { 'content-encoding': 'gzip' }],
    ['by zstd', (body: Buffer) => zstdCompressSync(body), { 'content-encoding': 'zstd' }],
  ])('sent %s is in the log byte for byte before its 200', async (_, encode, headers) => {
    const answer = await post(encode(BODY), { ...headers, [HTTP_BATCH_ID]: 'batch-1' });
    expect(answer).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
    const [record, ...others] = await folder.readLog(TOPIC_METRICS);
    expect(others).toEqual([]);
    expect(record).toMatchObject({ key: DEVICE });
    expect(record!.headers).toEqual({
      [HEADER_DEVICE_ID]: DEVICE,
      [HEADER_BATCH_ID]: 'batch-1',
      [HEADER_RECEIVED_AT]: '2026-03-01T12:00:00.000Z',
    });
    expect(Buffer.compare(record!.value, BODY)).toBe(0);
  });

  it('of logs goes to their topic; without a batch id its bytes name it', async () => {
    const body = logsRequest({ 'device.id': DEVICE });
    expect((await post(body, {}, '/v1/logs')).status).toBe(200);
    const records = await folder.readLog(TOPIC_LOGS);
    expect(records.map(({ headers }) => headers[HEADER_BATCH_ID])).toEqual([
      expect.stringMatching(/^sha256-/),
    ]);
    expect(await folder.readLog(TOPIC_METRICS)).toEqual([]);
  });

  it('without resources is answered 200 and writes nothing', async () => {
    expect(await post(Buffer.alloc(0))).toMatchObject({ status: 200 });
    expect(await folder.readLog(TOPIC_METRICS)).toEqual([]);
  });
});

describe('JSON', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const attributes = [{ key: 'device.id', value: { stringValue: DEVICE } }];
  const headers = { 'content-type': 'application/json' };

  it('is kept as protobuf and answered in JSON, spans too', async () => {
    const body = json({ resourceSpans: [{ resource: { attributes } }] });
    const answer = await post(body, headers, '/v1/traces');
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.body.toString()).toBe('{}');
    const [record] = await folder.readLog(TOPIC_SPANS);
    expect(Buffer.from(record!.value).includes(DEVICE)).toBe(true);
  });

  it('is refused in JSON, naming the place', async () => {
    const answer = await post(json({ resourceMetrics: [1] }), headers);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString())).toEqual({
      message: '/resourceMetrics/0: must be an object',
    });
  });
});

describe('a refusal', () => {
  afterEach(async () => {
    expect(await folder.readLog(TOPIC_METRICS)).toEqual([]);
  });

  it.each([
    ['no protobuf', Buffer.from('hello, world'), {}, /not an OTLP request/],
    ['a cut request', BODY.subarray(0, -3), {}, /past its message/],
    ['broken gzip', Buffer.from('hello'), { 'content-encoding': 'gzip' }, /not valid gzip/],
    ['cut gzip', gzipSync(BODY).subarray(0, -9), { 'content-encoding': 'gzip' }, /gzip/],
    ['broken zstd', Buffer.from('hello'), { 'content-encoding': 'zstd' }, /not valid zstd/],
    ['a batch id with a space', BODY, { [HTTP_BATCH_ID]: 'a b' }, /x-flotilla-batch-id/],
    ['a long batch id', BODY, { [HTTP_BATCH_ID]: 'a'.repeat(65) }, /1 to 64/],
  ])('400 for %s', async (_, body, headers, message) => {
    expectRefusal(await post(body, headers), 400, message);
  });

  it('401 for no token, no bearer, a broken token and a foreign key’s', async () => {
    const foreign = await tokenFor(DEVICE, generateEd25519().privateKeyPem);
    for (const authorization of ['', 'Basic abc', 'Bearer x', `Bearer ${foreign}`]) {
      const answer = await post(BODY, { authorization });
      expectRefusal(answer, 401, /token/);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('403 for another device’s telemetry and for none named', async () => {
    const foreign = metricsRequest({ 'device.id': 'device-8' });
    expectRefusal(await post(foreign), 403, /"device-8", but the token belongs to device-7/);
    expectRefusal(await post(metricsRequest({ a: 1 })), 403, /device.id is missing/);
  });

  it('413 for a body over the limit: announced, streamed or after decompression', async () => {
    await start({ FLOTILLA_MAX_BODY_BYTES: '20000' });
    const large = Buffer.alloc(200_000);
    expectRefusal(await post(large), 413, /20000 bytes/);
    expect(await postStreamed(large)).toBe(413);
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(large)],
      ['zstd', zstdCompressSync(large)],
    ] as const) {
      expect(bytes.length).toBeLessThan(20_000);
      expectRefusal(await post(bytes, { 'content-encoding': encoding }), 413, /decompression/);
    }
  });

  it('415 for other types and unknown encodings', async () => {
    for (const type of ['text/plain', 'nonsense']) {
      expectRefusal(await post(BODY, { 'content-type': type }), 415, /./);
    }
    expectRefusal(await post(BODY, { 'content-encoding': 'br' }), 415, /identity, gzip, zstd/);
  });

  it('404 as a problem for unknown paths, 405 for other methods', async () => {
    const unknown = await post(BODY, {}, '/v1/other');
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(unknown.body.toString())).toMatchObject({ code: 'not_found' });
    const get = await fetch(`${url}/v1/metrics`);
    expect(get.status).toBe(405);
    expect(get.headers.get('allow')).toBe('POST');
  });

  async function postStreamed(body: Buffer): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${url}/v1/metrics`, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-protobuf',
          authorization: `Bearer ${token}`,
          'transfer-encoding': 'chunked',
        },
      });
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
      request.end(body);
    });
  }
});

describe('under pressure', () => {
  it('answers 429 with Retry-After per device', async () => {
    await start({ FLOTILLA_RATE_PER_DEVICE: '0.5', FLOTILLA_RATE_BURST_PER_DEVICE: '2' });
    expect([(await post(BODY)).status, (await post(BODY)).status]).toEqual([200, 200]);
    const third = await post(BODY);
    expectRefusal(third, 429, /device-7 sends faster/);
    expect(third.headers.get('retry-after')).toBe('2');
    const other = await tokenFor('device-8');
    const theirs = metricsRequest({ 'device.id': 'device-8' });
    expect((await post(theirs, { authorization: `Bearer ${other}` })).status).toBe(200);
  });

  it('answers 503 with Retry-After while the log is full, and goes on once it was read', async () => {
    await start({ FLOTILLA_MAX_LOG_BYTES: '30000' });
    const large = metricsRequest({ 'device.id': DEVICE, note: 'x'.repeat(9000) });
    const statuses = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await post(large)).status);
    expect(statuses).toEqual([200, 200, 200, 503]);
    const full = await post(large);
    expectRefusal(full, 503, /full/);
    expect(full.headers.get('retry-after')).toBe('5');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await folder.readLog(TOPIC_METRICS, true)).toHaveLength(3);
    expect((await post(large)).status).toBe(200);
  });

  it('answers 503 when the log cannot be written, and takes the same batch afterwards', async () => {
    const blocker = new DatabaseSync(folder.logUrl.slice('sqlite:'.length));
    blocker.exec('BEGIN IMMEDIATE');
    const refused = await post(BODY);
    blocker.exec('ROLLBACK');
    blocker.close();
    expectRefusal(refused, 503, /cannot be written/);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await post(BODY)).status).toBe(200);
    expect(await folder.readLog(TOPIC_METRICS)).toHaveLength(1);
  });

  it('keeps a hundred requests at once, each once', async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `b${i}`);
    const answers = await Promise.all(ids.map((id) => post(BODY, { [HTTP_BATCH_ID]: id })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const stored = (await folder.readLog(TOPIC_METRICS)).map(
      ({ headers }) => headers[HEADER_BATCH_ID],
    );
    expect(stored.sort()).toEqual([...ids].sort());
  });
});

describe('operation', () => {
  it('shows what it did in /metrics', async () => {
    await post(BODY);
    await post(Buffer.alloc(0), {}, '/v1/logs');
    await post(BODY, { authorization: '' });
    const text = await (await fetch(`${url}/metrics`)).text();
    const sample = (line: string) => expect(text.split('\n')).toContain(line);
    sample('flotilla_collector_requests_total{signal="metrics",outcome="accepted"} 1');
    sample('flotilla_collector_requests_total{signal="logs",outcome="empty"} 1');
    sample('flotilla_collector_requests_total{signal="metrics",outcome="unauthenticated"} 1');
    sample(`flotilla_collector_accepted_bytes_total{signal="metrics"} ${BODY.length}`);
    sample('flotilla_collector_append_duration_seconds_count 1');
    sample('flotilla_event_log_records 1');
    expect(Number(/^flotilla_event_log_size_bytes (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(
      BODY.length,
    );
  });

  it('counts a sender that hangs up in the middle as a broken request, not as its own failure', async () => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(
      `POST /v1/metrics HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
        'content-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\nabc',
      () => socket.destroy(),
    );
    const requests = async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return text
        .split('\n')
        .filter((line) => line.startsWith('flotilla_collector_requests_total'));
    };
    await expect
      .poll(requests, { timeout: 10_000 })
      .toEqual(['flotilla_collector_requests_total{signal="metrics",outcome="malformed_body"} 1']);
    expect(await folder.readLog(TOPIC_METRICS)).toEqual([]);
  });

  it('answers /healthz and /readyz', async () => {
    for (const path of ['/healthz', '/readyz']) {
      expect((await fetch(`${url}${path}`)).status).toBe(200);
    }
  });
});
