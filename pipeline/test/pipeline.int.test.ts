import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '@clickhouse/client';
import {
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  TOPIC_DEAD_LETTERS,
  TOPIC_LOGS,
  TOPIC_METRICS,
} from '@flotilla/contracts';
import { openEventLog, type EventLog } from '@flotilla/event-log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gauge, logRecord, logsRequest, metricsOf, metricsRequest } from './decode/otlp-samples.ts';
import { PipelineProcess } from './processes/pipeline-process.ts';

let folder: string;
let log: EventLog;
const started: PipelineProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-pipeline-'));
  log = await openEventLog(`sqlite:${folder}/log.db`);
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((pipeline) => pipeline.end('SIGKILL')));
  await log.close();
  rmSync(folder, { recursive: true, force: true });
});

function startPipeline(more: Record<string, string> = {}): PipelineProcess {
  const pipeline = new PipelineProcess({
    FLOTILLA_EVENT_LOG: `sqlite:${folder}/log.db`,
    FLOTILLA_WAREHOUSE: `chdb:${folder}/warehouse`,
    FLOTILLA_WAREHOUSE_HTTP_PORT: '0',
    FLOTILLA_BATCH_MAX_AGE_MS: '0',
    FLOTILLA_HEALTH_INTERVAL_MS: '60000',
    ...more,
  });
  started.push(pipeline);
  return pipeline;
}

interface Batch {
  readonly device: string;
  readonly id: string;
  readonly lines: readonly string[];
}

const LINES = 3;
const batch = (n: number): Batch => ({
  device: `d${n % 7}`,
  id: `batch-${n}`,
  lines: Array.from({ length: LINES }, (_, line) => `${n}/${line}`),
});

/** Sends a batch as the collector does: its lines as logs, and a point for each as metrics. */
async function send({ device, id, lines }: Batch, nowMs: number): Promise<void> {
  const headers = { [HEADER_DEVICE_ID]: device, [HEADER_BATCH_ID]: id };
  const logs = logsRequest(lines.map((body) => logRecord(device, nowMs, { body })));
  const points = lines.map((_, i): [number, number] => [nowMs + i, Number(id.slice(6))]);
  const metrics = metricsRequest(metricsOf(device, [gauge('sent', points)]));
  await log.append(TOPIC_LOGS, [{ key: device, value: logs, headers }]);
  await log.append(TOPIC_METRICS, [{ key: device, value: metrics, headers }]);
}

async function ask<T>(url: string, query: string): Promise<T[]> {
  const client = createClient({ url });
  try {
    return await (await client.query({ query, format: 'JSONEachRow' })).json<T>();
  } finally {
    await client.close();
  }
}

const LAG = /^flotilla_pipeline_lag_records\{[^}]*\} (\d+)$/gm;
/** Resolves when all three topics are stored to their end. */
async function drained(http: string): Promise<string> {
  return expect
    .poll(
      async () => {
        const text = await (await fetch(`${http}/metrics`)).text();
        const lags = [...text.matchAll(LAG)].map(([, lag]) => Number(lag));
        return lags.length === 3 && lags.every((lag) => lag === 0) ? text : null;
      },
      { timeout: 60_000, interval: 50 },
    )
    .not.toBeNull()
    .then(async () => (await fetch(`${http}/metrics`)).text());
}

async function expectStored(url: string, batches: readonly Batch[]): Promise<void> {
  const stored = await ask<{ Body: string; DeviceId: string }>(
    url,
    'SELECT Body, DeviceId FROM otel_logs',
  );
  const told = (rows: readonly string[]) => [...rows].sort();
  expect(told(stored.map((row) => `${row.DeviceId}:${row.Body}`))).toEqual(
    told(batches.flatMap(({ device, lines }) => lines.map((line) => `${device}:${line}`))),
  );
  const points = await ask<{ Value: number; n: number }>(
    url,
    'SELECT Value, count() AS n FROM otel_metrics_gauge GROUP BY Value ORDER BY Value',
  );
  expect(points.map(({ Value, n }) => [Value, n])).toEqual(batches.map((_, n) => [n, LINES]));
}

describe('the pipeline as a process', () => {
  it('stores what was sent once, drops retries, buries what it cannot read', async () => {
    const pipeline = startPipeline();
    const { http, warehouse } = await pipeline.ready;
    const nowMs = Date.now();
    const batches = Array.from({ length: 40 }, (_, n) => batch(n));
    for (const each of batches) await send(each, nowMs);
    await drained(http);
    // Retries of batches stored long before, and twice within one range.
    for (const n of [0, 7, 39, 39]) await send(batch(n), nowMs);
    const poison = Uint8Array.of(0xff, 1, 2);
    await log.append(TOPIC_LOGS, [{ key: 'd1', value: poison, headers: {} }]);
    batches.push(batch(40));
    await send(batch(40), nowMs);
    const metrics = await expect
      .poll(() => drained(http), { timeout: 60_000 })
      .toContain('dead_letters_total{topic="otlp_logs",code="wire_type_invalid"} 1')
      .then(() => drained(http));
    await expectStored(warehouse, batches);
    expect(metrics).toContain('duplicates_dropped_total{topic="otlp_logs"} 4');
    expect(metrics).toContain('duplicates_dropped_total{topic="otlp_metrics"} 4');

    const letters = await log.consumer('test', [TOPIC_DEAD_LETTERS]);
    const [letter, ...others] = await letters.read({ topic: TOPIC_DEAD_LETTERS, partition: 0 }, 0, {
      maxRecords: 10,
      maxBytes: 1e6,
    });
    expect(others).toEqual([]);
    expect(Buffer.from(letter!.value)).toEqual(Buffer.from(poison));
    expect(letter!.headers).toMatchObject({ 'flotilla-dead-letter-topic': TOPIC_LOGS });
    await letters.close();
    expect((await fetch(`${http}/readyz`)).status).toBe(200);
    expect(await pipeline.end('SIGTERM')).toBe(0);
  });

  it('goes on where it stopped', async () => {
    const nowMs = Date.now();
    await send(batch(0), nowMs);
    const first = startPipeline();
    await drained((await first.ready).http);
    expect(await first.end('SIGTERM')).toBe(0);
    await send(batch(1), nowMs);
    const second = startPipeline();
    const { http, warehouse } = await second.ready;
    await drained(http);
    await expectStored(warehouse, [batch(0), batch(1)]);
  });

  it('says why it does not start', async () => {
    const first = startPipeline();
    await first.ready;
    const second = startPipeline();
    await second.exited;
    expect(second.log).toContain('is in use by process');
    const third = startPipeline({ FLOTILLA_WAREHOUSE: 'somewhere', FLOTILLA_BATCH_MAX_ROWS: '0' });
    await third.exited;
    expect(third.log).toMatch(/FLOTILLA_WAREHOUSE: .*FLOTILLA_BATCH_MAX_ROWS: /s);
  });

  it('stores every row exactly once through 24 kills at random moments', async () => {
    const kills = 24;
    const nowMs = Date.now();
    const batches: Batch[] = [];
    let replays = 0;
    // Small ranges, so that most moments lie inside one.
    const settings = { FLOTILLA_BATCH_MAX_ROWS: '6' };
    for (let kill = 0; kill < kills; kill += 1) {
      for (let i = 0; i < 25; i += 1) {
        batches.push(batch(batches.length));
        await send(batches.at(-1)!, nowMs);
      }
      const pipeline = startPipeline(settings);
      await pipeline.ready;
      await delay(Math.random() * 250);
      await pipeline.end('SIGKILL');
      if (pipeline.log.includes('repeating the range')) replays += 1;
    }
    // The last one cuts ranges differently, and must still finish the one under way as it was.
    const { http, warehouse } = await startPipeline().ready;
    await drained(http);
    await expectStored(warehouse, batches);
    // Else no kill fell where it matters.
    expect(replays).toBeGreaterThan(0);
  }, 600_000);
});
