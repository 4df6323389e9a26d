import { credentials, Metadata, makeGenericClientConstructor, status } from '@grpc/grpc-js';
import type { Client, ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  HEADER_BATCH_ID,
  HEADER_CLOCK_OFFSET_MS,
  HTTP_BATCH_ID,
  TOPIC_LOGS,
  TOPIC_METRICS,
} from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { configSchema } from '../../src/config.ts';
import { SIGNALS } from '../../src/receive/export-request.ts';
import { startCollector } from '../../src/start-collector.ts';
import { CollectorFolder, privateKeyPem, tokenFor } from '../testing/collector-harness.ts';
import { logsRequest, metricsRequest } from '../testing/otlp-requests.ts';

const DEVICE = 'device-7';
const BODY = metricsRequest({ 'device.id': DEVICE });
const NOW = Date.parse('2026-03-01T12:00:00.000Z');

let folder: CollectorFolder;
let service: RunningService;
let client: Client;

beforeEach(async () => {
  folder = await CollectorFolder.create();
  await start();
});
afterEach(async () => {
  client.close();
  await service.stop();
  await folder.remove();
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  const config = loadConfig(configSchema, { ...folder.environment, ...environment });
  service = await startCollector(config, createLogger('collector', 'silent'), () => NOW);
  const address = service.addresses['otlpGrpc']!.slice('http://'.length);
  client = new (makeGenericClientConstructor({}, 'otlp'))(address, credentials.createInsecure());
}

async function restart(environment: Record<string, string>): Promise<void> {
  client.close();
  await service.stop();
  await start(environment);
}

const gatewayToken = (devices: string[]) => {
  const identity = { deviceId: 'gateway-1', model: 'g', group: 'g', gatewayFor: devices };
  return issueDeviceToken(identity, readPrivateKey(privateKeyPem), NOW);
};

/** The answer's bytes; rejects with the ServiceError of a refusal. */
function send(body: Buffer, token: string, path = SIGNALS[0]!.grpcMethod): Promise<Buffer> {
  const metadata = new Metadata();
  if (token !== '') metadata.set('authorization', `Bearer ${token}`);
  metadata.set(HTTP_BATCH_ID, 'b1');
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, body, metadata, (error, answer) =>
      error === null ? resolve(answer!) : reject(error),
    );
  });
}

const refusalOf = (body: Buffer, token: string, path?: string) =>
  send(body, token, path).then(
    () => expect.unreachable(),
    (error: unknown) => error as ServiceError,
  );

describe('OTLP/gRPC', () => {
  it('keeps what it acknowledges, with the batch id', async () => {
    expect(await send(BODY, await tokenFor(DEVICE))).toHaveLength(0);
    const [record] = await folder.readLog(TOPIC_METRICS);
    expect(Buffer.from(record!.value).equals(BODY)).toBe(true);
    expect(record!.headers[HEADER_BATCH_ID]).toBe('b1');
  });

  it('refuses with the specification’s status codes', async () => {
    const token = await tokenFor(DEVICE);
    const foreign = metricsRequest({ 'device.id': 'device-8' });
    expect((await refusalOf(BODY, '')).code).toBe(status.UNAUTHENTICATED);
    expect((await refusalOf(foreign, token)).code).toBe(status.PERMISSION_DENIED);
    expect((await refusalOf(Buffer.from('hello'), token)).code).toBe(status.INVALID_ARGUMENT);
    const unknown = '/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export';
    expect((await refusalOf(BODY, token, unknown)).code).toBe(status.UNIMPLEMENTED);
    const large = Buffer.alloc(5 * 1024 * 1024);
    expect((await refusalOf(large, token)).code).toBe(status.RESOURCE_EXHAUSTED);
    expect(await folder.readLog(TOPIC_METRICS)).toEqual([]);
  });

  it('tells when to come back with RetryInfo', async () => {
    await restart({ FLOTILLA_RATE_PER_DEVICE: '0.5', FLOTILLA_RATE_BURST_PER_DEVICE: '1' });
    const token = await tokenFor(DEVICE);
    await send(BODY, token);
    const refusal = await refusalOf(BODY, token);
    expect(refusal.code).toBe(status.RESOURCE_EXHAUSTED);
    const details = refusal.metadata.get('grpc-status-details-bin')[0] as Buffer;
    expect(details.toString('latin1')).toContain('type.googleapis.com/google.rpc.RetryInfo');
    // RetryInfo { retry_delay: { seconds: 2 } }
    expect(details.subarray(-6).toString('hex')).toBe('12040a020802');
  });
});

describe('a gateway', () => {
  const logs = SIGNALS[1]!.grpcMethod;
  const of = (id: string) => ({ 'device.id': id });

  it('speaks for its devices: one record each, keyed by device', async () => {
    const body = logsRequest(of('a-1'), of('b'), of('gateway-1'));
    expect(await send(body, await gatewayToken(['a-*', 'b']), logs)).toHaveLength(0);
    const records = await folder.readLog(TOPIC_LOGS);
    expect(records.map(({ key }) => key).sort()).toEqual(['a-1', 'b', 'gateway-1']);
    expect(new Set(records.map(({ headers }) => headers[HEADER_BATCH_ID]))).toEqual(
      new Set(['b1']),
    );
    const first = records.find(({ key }) => key === 'a-1')!;
    expect(Buffer.from(first.value).equals(logsRequest(of('a-1')))).toBe(true);
  });

  it('hears how many items of others were refused, while its own are kept', async () => {
    const body = logsRequest(of('a-1'), of('victim'), of('victim-2'));
    const answer = await send(body, await gatewayToken(['a-*']), logs);
    // partial_success { rejected_log_records: 2, error_message: … }
    expect([...answer.subarray(2, 4)]).toEqual([8, 2]);
    expect(answer.toString('utf8')).toContain('"victim"');
    expect((await folder.readLog(TOPIC_LOGS)).map(({ key }) => key)).toEqual(['a-1']);
  });

  it('is refused when nothing is its own', async () => {
    const refusal = await refusalOf(logsRequest(of('x')), await gatewayToken(['a-*']), logs);
    expect(refusal.code).toBe(status.PERMISSION_DENIED);
  });
});

it('moves the times of a clock that was never set to now, and says so', async () => {
  const body = Buffer.from(BODY);
  const given = Buffer.alloc(8);
  given.writeBigUInt64LE(1_700_000_000_000_000_005n);
  const unset = Buffer.alloc(8);
  unset.writeBigUInt64LE(60_000_000_005n);
  for (let at = body.indexOf(given); at !== -1; at = body.indexOf(given)) unset.copy(body, at);
  await send(body, await tokenFor(DEVICE));
  const [record] = await folder.readLog(TOPIC_METRICS);
  const now = Buffer.alloc(8);
  now.writeBigUInt64LE(BigInt(NOW) * 1_000_000n + 5n);
  expect(Buffer.from(record!.value).includes(now)).toBe(true);
  expect(Buffer.from(record!.value).includes(unset)).toBe(false);
  expect(record!.headers[HEADER_CLOCK_OFFSET_MS]).toBe(String(NOW - 60_000));
});
