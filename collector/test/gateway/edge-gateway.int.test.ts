import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  TOPIC_LOGS,
  TOPIC_METRICS,
  TOPIC_SPANS,
} from '@flotilla/contracts';
import type { StoredRecord } from '@flotilla/event-log';
import { decodeMetrics, type MetricData } from '@flotilla/otlp';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { issueDeviceToken, readPrivateKey } from '@flotilla/signing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { startCollector } from '../../src/start-collector.ts';
import { CollectorFolder, privateKeyPem } from '../testing/collector-harness.ts';
import { LocalAgent, logOf, metricsOf, spanOf, type Reading } from './testing/agent-requests.ts';
import { startDeafProxy, type DeafProxy } from './testing/deaf-proxy.ts';
import { GatewayProcess } from './testing/gateway-process.ts';

const ROUNDS = 4;
const DEVICES = [
  { deviceId: 'device-1', agent: new LocalAgent('device-1', 'protobuf') },
  { deviceId: 'device-2', agent: new LocalAgent('device-2', 'json') },
  { deviceId: 'device-3', agent: new LocalAgent('device-3', 'grpc') },
];
/** Its telemetry is taken in, but the gateway's token does not speak for it. */
const STRANGER = { deviceId: 'stranger-1', agent: new LocalAgent('stranger-1', 'json') };

let folder: CollectorFolder;
let cloud: RunningService;
let uplink: DeafProxy;
let gateway: GatewayProcess;
let startedAtMs = 0;
beforeEach(async () => {
  folder = await CollectorFolder.create();
  const config = loadConfig(configSchema, folder.environment);
  cloud = await startCollector(config, createLogger('collector', 'silent'));
  uplink = await startDeafProxy(cloud.addresses['otlp']!);
  const identity = { deviceId: 'gateway-1', model: 'g', group: 'g', gatewayFor: ['device-*'] };
  const token = await issueDeviceToken(identity, readPrivateKey(privateKeyPem), Date.now());
  await writeFile(join(folder.path, 'token'), `${token}\n`);
});
afterEach(async () => {
  await gateway.end('SIGKILL');
  await uplink.close();
  await cloud.stop();
  await folder.remove();
});

async function startGateway(intervalMs: number): Promise<void> {
  gateway = await GatewayProcess.start({
    FLOTILLA_COLLECTOR_PORT: '0',
    FLOTILLA_COLLECTOR_GRPC_PORT: '0',
    FLOTILLA_GATEWAY_HTTP_PORT: '0',
    FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: join(folder.path, 'key.pem'),
    FLOTILLA_GATEWAY_DATA_DIR: join(folder.path, 'gateway'),
    FLOTILLA_GATEWAY_COLLECTOR_URL: uplink.url,
    FLOTILLA_GATEWAY_TOKEN_FILE: join(folder.path, 'token'),
    FLOTILLA_GATEWAY_INTERVAL_MS: String(intervalMs),
    FLOTILLA_GATEWAY_DROP_ATTRIBUTES: 'cpu',
  });
}

/** Everything a device says in a round, metrics twice: it did not hear the first answer. */
async function sendRound({ deviceId, agent }: (typeof DEVICES)[number], round: number) {
  const { addresses } = gateway;
  const timeMs = Date.now();
  const reading: Reading = {
    deviceId,
    timeMs,
    startMs: startedAtMs,
    gauge: round,
    counters: [round * 10, round],
  };
  const batch = (kind: string) => `${deviceId}-${kind}-${round}`;
  await agent.send(addresses, 'metrics', metricsOf(reading), batch('m'));
  await agent.send(addresses, 'metrics', metricsOf(reading), batch('m'));
  await agent.send(addresses, 'logs', logOf(deviceId, timeMs, batch('log')), batch('l'));
  await agent.send(addresses, 'traces', spanOf(deviceId, timeMs, batch('span')), batch('s'));
}

async function sendRounds(...rounds: number[]): Promise<void> {
  for (const round of rounds) {
    await Promise.all([...DEVICES, STRANGER].map((device) => sendRound(device, round)));
  }
}

const deviceOf = ({ headers }: StoredRecord) => headers[HEADER_DEVICE_ID]!;

/** As the pipeline does: of the records with one device and batch id the first counts. */
async function readOnce(topic: string): Promise<StoredRecord[]> {
  const batches = new Map<string, StoredRecord>();
  for (const record of await folder.readLog(topic)) {
    const name = `${deviceOf(record)}/${record.headers[HEADER_BATCH_ID]}`;
    const first = batches.get(name);
    if (first === undefined) batches.set(name, record);
    else expect(record.value, 'a repeated batch has the same bytes').toEqual(first.value);
  }
  return [...batches.values()];
}

/** What the cloud's log says of each device's metrics. */
async function readMetrics() {
  const totals: Record<string, { count: number; sum: number; counted: number }> = {};
  for (const record of await readOnce(TOPIC_METRICS)) {
    const total = (totals[deviceOf(record)] ??= { count: 0, sum: 0, counted: 0 });
    const metrics = decodeMetrics(record.value)
      .resources.flatMap(({ scopes }) => scopes)
      .flatMap((scope) => scope.metrics);
    const named = (name: string): MetricData[] =>
      metrics.filter((metric) => metric.name === name).map(({ data }) => data);
    for (const data of named('level.interval')) {
      if (data.kind !== 'histogram') continue;
      for (const { count, sum } of data.points) {
        total.count += Number(count);
        total.sum += sum!;
      }
    }
    for (const data of named('counted')) {
      if (data.kind !== 'sum') continue;
      for (const { value } of data.points) total.counted = Math.max(total.counted, Number(value));
    }
  }
  return totals;
}

/** The names in a topic's records, in order. */
async function readNames(topic: string, pattern: RegExp): Promise<string[]> {
  const records = await readOnce(topic);
  return records
    .flatMap(({ value }) => Buffer.from(value).toString('latin1').match(pattern) ?? [])
    .sort();
}

/** What the gateway's own metrics say the collector refused, by signal. */
async function readLost(): Promise<Record<string, number>> {
  const text = await (await fetch(`${gateway.addresses['health']}/metrics`)).text();
  const pattern = /^flotilla_gateway_lost_total\{reason="refused",signal="(\w+)"\} (\d+)$/gm;
  const lost: Record<string, number> = {};
  for (const [, signal = '', count] of text.matchAll(pattern)) lost[signal] = Number(count);
  return lost;
}

it('takes three agents through a real collector, nothing lost and nothing doubled', async () => {
  // Too long an interval to end: when the gateway is killed its data is in the journal only.
  await startGateway(600_000);
  startedAtMs = Date.now();
  await sendRounds(1, 2);
  await gateway.end('SIGKILL');
  await startGateway(150);
  // Killed again while it forwards, with the first answers lost.
  await vi.waitFor(() => expect(uplink.lostAnswers).toBeGreaterThan(1), {
    timeout: 30_000,
    interval: 5,
  });
  await sendRounds(3);
  await gateway.end('SIGKILL');
  await startGateway(150);
  await sendRounds(4);

  const sum = (ROUNDS * (ROUNDS + 1)) / 2;
  const expected = Object.fromEntries(
    DEVICES.map(({ deviceId }) => [deviceId, { count: ROUNDS, sum, counted: ROUNDS * 11 }]),
  );
  const names = (kind: string) =>
    DEVICES.flatMap(({ deviceId }) => [1, 2, 3, 4].map((round) => `${deviceId}-${kind}-${round}`));
  await vi.waitFor(
    async () => {
      expect(await readMetrics()).toEqual(expected);
      expect(await readNames(TOPIC_LOGS, /device-\d-log-\d/g)).toEqual(names('log'));
      expect(await readNames(TOPIC_SPANS, /device-\d-span-\d/g)).toEqual(names('span'));
    },
    { timeout: 30_000, interval: 100 },
  );

  // The gateway's requests speak for several devices; each got a record, under the same batch id.
  const records = await folder.readLog(TOPIC_METRICS);
  const together = Map.groupBy(records, ({ headers }) => headers[HEADER_BATCH_ID]);
  const devicesOf = [...together.values()].map((group) => new Set(group.map(deviceOf)).size);
  expect(Math.max(...devicesOf)).toBe(DEVICES.length);
  expect(records.length).toBeGreaterThan((await readOnce(TOPIC_METRICS)).length);

  await vi.waitFor(
    async () => {
      const lost = await readLost();
      // Whoever the token does not speak for is refused and counted, and holds nobody up.
      expect(lost).toMatchObject({ logs: ROUNDS, traces: ROUNDS });
      // Of each interval the gauge, its statistics and the one counter that is left of two.
      expect(lost['metrics']! % 3).toBe(0);
      expect(lost['metrics']).toBeGreaterThanOrEqual(3);
    },
    { timeout: 30_000, interval: 50 },
  );
  expect(await gateway.end('SIGTERM')).toBe(0);
});
