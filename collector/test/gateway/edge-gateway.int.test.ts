import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ATTR_DEVICE_ID, HTTP_BATCH_ID } from '@flotilla/contracts';
import { decodeMetrics, encodeMetrics, WireWriter } from '@flotilla/otlp';
import { startFakeCollector, type FakeCollector } from '@flotilla/otlp-queue/testing';
import type { ReadyMessage } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publicKeyPem, tokenFor } from '../testing/collector-harness.ts';

const MAIN = fileURLToPath(new URL('../../src/gateway/main.ts', import.meta.url));
const DEVICES = ['device-1', 'device-2', 'device-3'];

let folder: string;
let cloud: FakeCollector;
let gateway: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-gateway-'));
  await writeFile(join(folder, 'key.pem'), publicKeyPem);
  await writeFile(join(folder, 'token'), `${await tokenFor('gateway-1')}\n`);
  cloud = await startFakeCollector();
});
afterEach(async () => {
  gateway?.kill('SIGKILL');
  await cloud.close();
  await rm(folder, { recursive: true, force: true });
});

async function startGateway(intervalMs: number): Promise<Readonly<Record<string, string>>> {
  gateway = fork(MAIN, [], {
    execArgv: ['--no-warnings'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {
      FLOTILLA_COLLECTOR_PORT: '0',
      FLOTILLA_COLLECTOR_GRPC_PORT: '0',
      FLOTILLA_GATEWAY_HTTP_PORT: '0',
      FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: join(folder, 'key.pem'),
      FLOTILLA_GATEWAY_DATA_DIR: join(folder, 'data'),
      FLOTILLA_GATEWAY_COLLECTOR_URL: cloud.url,
      FLOTILLA_GATEWAY_TOKEN_FILE: join(folder, 'token'),
      FLOTILLA_GATEWAY_INTERVAL_MS: String(intervalMs),
    },
  });
  const [message] = (await once(gateway, 'message')) as [ReadyMessage];
  return message.addresses;
}

async function kill(): Promise<void> {
  const exited = once(gateway!, 'exit');
  gateway!.kill('SIGKILL');
  await exited;
}

function resource(deviceId: string): Uint8Array {
  const writer = new WireWriter();
  const attribute = writer.begin(1);
  writer.string(1, ATTR_DEVICE_ID);
  const value = writer.begin(2);
  writer.string(1, deviceId);
  writer.end(value);
  writer.end(attribute);
  return writer.finish();
}

async function send(url: string, deviceId: string, value: number, batchId = randomUUID()) {
  const points = [
    {
      attributes: [],
      startTimeUnixNano: 0n,
      timeUnixNano: BigInt(Date.now()) * 1_000_000n,
      value,
      exemplars: [],
      flags: 0,
    },
  ];
  const metric = {
    name: 'm',
    description: '',
    unit: '1',
    data: { kind: 'gauge', points },
  } as const;
  const scopes = [{ scope: new Uint8Array(), schemaUrl: '', metrics: [metric] }];
  const body = encodeMetrics({
    resources: [{ resource: resource(deviceId), schemaUrl: '', scopes }],
  });
  const response = await fetch(`${url}/v1/metrics`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-protobuf',
      authorization: `Bearer ${await tokenFor(deviceId)}`,
      [HTTP_BATCH_ID]: batchId,
    },
    body: Buffer.from(body),
  });
  return response.status;
}

/** Count and sum per device of everything the cloud took, a repeated batch id once. */
function received(): Record<string, { count: number; sum: number }> {
  const totals: Record<string, { count: number; sum: number }> = {};
  const batches = new Map(cloud.accepted.map(({ batchId, body }) => [batchId, body]));
  for (const { resources } of [...batches.values()].map(decodeMetrics)) {
    for (const { resource: encoded, scopes } of resources) {
      const deviceId = DEVICES.find((id) => Buffer.compare(encoded, resource(id)) === 0) ?? '?';
      const total = (totals[deviceId] ??= { count: 0, sum: 0 });
      for (const { name, data } of scopes.flatMap(({ metrics }) => metrics)) {
        if (name !== 'm.interval' || data.kind !== 'histogram') continue;
        for (const { count, sum } of data.points) {
          total.count += Number(count);
          total.sum += sum ?? 0;
        }
      }
    }
  }
  return totals;
}

describe('an edge gateway', () => {
  it('merges what local agents send and forwards it under its own token', async () => {
    const { otlp, health } = await startGateway(500);
    for (let value = 1; value <= 10; value += 1) {
      for (const deviceId of DEVICES) expect(await send(otlp!, deviceId, value)).toBe(200);
    }
    const all = Object.fromEntries(DEVICES.map((id) => [id, { count: 10, sum: 55 }]));
    await expect.poll(received, { timeout: 20_000 }).toEqual(all);
    expect((await fetch(`${health}/readyz`)).status).toBe(200);
    const metrics = await (await fetch(`${health}/metrics`)).text();
    expect(metrics).toMatch(/^flotilla_gateway_received_points_total 30$/m);
  });

  it('loses nothing it acknowledged and doubles nothing, killed again and again', async () => {
    const expected = Object.fromEntries(DEVICES.map((id) => [id, { count: 0, sum: 0 }]));
    for (let life = 0; life < 3; life += 1) {
      // Every other life is too short for an interval, so its data is in the journal only.
      const { otlp } = await startGateway(life % 2 === 0 ? 600_000 : 200);
      for (let value = 1; value <= 8; value += 1) {
        for (const deviceId of DEVICES) {
          const batchId = randomUUID();
          expect(await send(otlp!, deviceId, value, batchId)).toBe(200);
          // The agent did not hear the answer and repeats.
          if (value % 3 === 0) expect(await send(otlp!, deviceId, value, batchId)).toBe(200);
          expected[deviceId]!.count += 1;
          expected[deviceId]!.sum += value;
        }
      }
      await kill();
    }
    await startGateway(200);
    await expect.poll(received, { timeout: 20_000 }).toEqual(expected);
  });
});
