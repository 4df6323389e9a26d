import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { HEADER_BATCH_ID, HEADER_DEVICE_ID, TOPIC_LOGS } from '@flotilla/contracts';
import { openEventLog, type EventLog } from '@flotilla/event-log';
import { startKafkaBroker, type KafkaBroker } from '@flotilla/event-log/testing/kafka';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { logRecord, logsRequest } from './decode/otlp-samples.ts';
import { PipelineProcess } from './processes/pipeline-process.ts';

const WAREHOUSE_MAIN = fileURLToPath(new URL('../src/warehouse-server/main.ts', import.meta.url));
const PASSWORD = 'writer-password';
const PARTITIONS = 6;
/** A member that gets no CPU for so long loses its partitions, and on a busy machine two seconds happen. */
const SESSION_MS = 6_000;
/** Only what is broken takes so long: a busy machine gives a pipeline's start its five seconds in minutes. */
const PATIENCE = { timeout: 180_000, interval: 100 };
const TEST_MS = 600_000;
/** A broker and an engine start side by side: some 20 CPU seconds, which a busy machine gives slowly. */
const START = { timeout: 170_000, interval: 100 };
const START_HOOK_MS = 180_000;

const root = mkdtempSync(join(tmpdir(), 'flotilla-replicas-'));
let broker: KafkaBroker;
let log: EventLog;
let warehouseUrl: string;
let warehouse: ClickHouseClient;
const started: PipelineProcess[] = [];

/** In order; each is there once what it closes is. */
const closers: (() => unknown)[] = [() => rmSync(root, { recursive: true, force: true })];

beforeAll(async () => {
  const folder = join(root, 'kafka');
  mkdirSync(folder);
  [broker, warehouseUrl] = await Promise.all([
    startKafkaBroker({ folder }).then((ready) => {
      closers.unshift(() => ready.kill());
      return ready;
    }),
    startWarehouse(),
  ]);
  log = await openEventLog(`${broker.url}?partitions=${PARTITIONS}`);
  closers.unshift(() => log.close());
  warehouse = createClient({ url: warehouseUrl });
  closers.unshift(() => warehouse.close());
}, START_HOOK_MS);
afterAll(async () => {
  await Promise.all(started.map((pipeline) => pipeline.end('SIGKILL')));
  for (const close of closers) await close();
});

async function startWarehouse(): Promise<string> {
  const server = spawn(process.execPath, [WAREHOUSE_MAIN], {
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: '16',
      FLOTILLA_WAREHOUSE_FOLDER: join(root, 'warehouse'),
      FLOTILLA_WAREHOUSE_SERVER_PORT: '0',
      FLOTILLA_WAREHOUSE_WRITER_PASSWORD: PASSWORD,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  closers.unshift(async () => {
    server.kill('SIGKILL');
    await once(server, 'exit');
  });
  server.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const address = () => /"warehouse":"(http:[^"]+)"/.exec(said)?.[1];
  await vi.waitFor(() => expect(address()).toBeDefined(), START);
  const url = new URL('/default', address());
  url.username = 'flotilla';
  url.password = PASSWORD;
  return url.href;
}

function startPipeline(): PipelineProcess {
  const pipeline = new PipelineProcess({
    FLOTILLA_EVENT_LOG: `${broker.url}?partitions=${PARTITIONS}`,
    FLOTILLA_WAREHOUSE: warehouseUrl,
    FLOTILLA_MEMBER_LEASE_MS: String(SESSION_MS),
    // Small ranges, so that most moments lie inside one.
    FLOTILLA_BATCH_MAX_ROWS: '100',
    FLOTILLA_BATCH_MAX_AGE_MS: '0',
    FLOTILLA_HEALTH_INTERVAL_MS: '60000',
  });
  started.push(pipeline);
  return pipeline;
}

let sent = 0;
let batches = 0;
const LINES = 4;
const SEND_PAUSE_MS = 30;

/** One batch of one device: numbered lines. */
async function send(): Promise<void> {
  const batch = batches;
  const first = sent;
  batches += 1;
  sent += LINES;
  const device = `d${batch % 40}`;
  const nowMs = Date.now();
  const lines = Array.from({ length: LINES }, (_, i) =>
    logRecord(device, nowMs, { body: String(first + i) }),
  );
  const headers = { [HEADER_DEVICE_ID]: device, [HEADER_BATCH_ID]: `batch-${batch}` };
  await log.append(TOPIC_LOGS, [{ key: device, value: logsRequest(lines), headers }]);
}

/** Sends steadily until `work` is done. */
async function sendDuring(work: () => Promise<void>): Promise<void> {
  let isOver = false;
  const sending = (async () => {
    while (!isOver) {
      await Promise.all(Array.from({ length: 4 }, send));
      await delay(SEND_PAUSE_MS);
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await sending;
  }
}

async function stored(): Promise<{ rows: number; different: number }> {
  const result = await warehouse.query({
    query: 'SELECT count() AS rows, uniqExact(Body) AS different FROM otel_logs',
    format: 'JSONEachRow',
  });
  const [row] = await result.json<{ rows: string; different: string }>();
  return { rows: Number(row?.rows), different: Number(row?.different) };
}

async function metric(pipeline: PipelineProcess, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${(await pipeline.ready).http}/metrics`)).text();
  return [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Partitions it works on, of all three topics. */
const OWNED = /^flotilla_pipeline_lag_records\{/gm;
const ALL = 3 * PARTITIONS;
async function ownedCount(pipeline: PipelineProcess): Promise<number> {
  const text = await (await fetch(`${(await pipeline.ready).http}/metrics`)).text();
  return [...text.matchAll(OWNED)].length;
}
const REPLAYS = /^flotilla_pipeline_replays_total\{[^}]*\} (\d+)$/gm;

describe('two pipelines on one Kafka and one warehouse', () => {
  it(
    'store every record once while one is stopped beyond its session and goes on, and one is killed',
    async () => {
      const zombie = startPipeline();
      const other = startPipeline();
      await Promise.all([zombie.ready, other.ready]);
      await sendDuring(async () => {
        await expect.poll(() => ownedCount(zombie), PATIENCE).toBe(ALL / 2);
        await expect.poll(() => ownedCount(other), PATIENCE).toBe(ALL / 2);
        await expect.poll(async () => (await stored()).rows, PATIENCE).toBeGreaterThan(200);
        zombie.signal('SIGSTOP');
        await expect.poll(() => ownedCount(other), PATIENCE).toBe(ALL);
        const taken = (await stored()).rows;
        await expect.poll(async () => (await stored()).rows, PATIENCE).toBeGreaterThan(taken + 200);
        zombie.signal('SIGCONT');
        await expect.poll(() => ownedCount(zombie), PATIENCE).toBe(ALL / 2);
        await other.end('SIGKILL');
        await expect.poll(() => ownedCount(zombie), PATIENCE).toBe(ALL);
      });
      const again = startPipeline();
      await again.ready;
      await sendDuring(async () => {
        await expect.poll(() => ownedCount(again), PATIENCE).toBe(ALL / 2);
      });
      await expect.poll(stored, PATIENCE).toEqual({ rows: sent, different: sent });
    },
    TEST_MS,
  );

  it(
    'repeat nothing after an orderly stop of all, and nothing is left out',
    async () => {
      const running = started.filter((pipeline) => !pipeline.hasEnded);
      expect(running).toHaveLength(2);
      await sendDuring(async () => {
        for (const pipeline of running) expect(await pipeline.end('SIGTERM')).toBe(0);
      });
      const fresh = startPipeline();
      await fresh.ready;
      await expect.poll(stored, PATIENCE).toEqual({ rows: sent, different: sent });
      expect(await metric(fresh, REPLAYS)).toBe(0);
      expect(await ownedCount(fresh)).toBe(ALL);
      expect(await fresh.end('SIGTERM')).toBe(0);
    },
    TEST_MS,
  );
});
