import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { TOPIC_LOGS, TOPIC_METRICS } from '@flotilla/contracts';
import { openEventLog } from '@flotilla/event-log';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { logsRequest, metricsRequest } from '../decode/otlp-samples.ts';
import { PipelineProcess } from '../processes/pipeline-process.ts';
import { logRows, metricRows, type Row } from './expected-rows.ts';
import { logsArbitrary, metricsArbitrary } from './otlp-arbitraries.ts';

/** A long run: FUZZ_REQUESTS=20000; a run again: FUZZ_SEED=<as printed>. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 400);
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const float = (column: string) =>
  `if(isNaN(${column}), 'nan', toString(reinterpretAsUInt64(${column}))) AS ${column}`;
const texts = (column: string) => `arrayMap(c -> toString(c), ${column}) AS ${column}`;
const SCOPE = `ResourceAttributes AS Resource, ScopeName, ScopeVersion`;
const nanos = (column: string, as: string) => `toString(toUnixTimestamp64Nano(${column})) AS ${as}`;
const METRIC = `${SCOPE}, MetricName, MetricDescription, MetricUnit, Attributes AS Own,
  ${nanos('StartTimeUnix', 'Start')}, ${nanos('TimeUnix', 'Time')}`;
const DISTRIBUTION = `${METRIC}, toString(Count) AS Count, ${['Sum', 'Min', 'Max'].map(float).join()},
  AggregationTemporality`;
const QUERIES = {
  otel_metrics_gauge: `${METRIC}, ${float('Value')}`,
  otel_metrics_sum: `${METRIC}, ${float('Value')}, IsMonotonic, AggregationTemporality`,
  otel_metrics_histogram: `${DISTRIBUTION}, ${texts('BucketCounts')},
    arrayMap(b -> toString(reinterpretAsUInt64(b)), ExplicitBounds) AS ExplicitBounds`,
  otel_metrics_exponential_histogram: `${DISTRIBUTION}, Scale, toString(ZeroCount) AS ZeroCount,
    PositiveOffset, ${texts('PositiveBucketCounts')},
    NegativeOffset, ${texts('NegativeBucketCounts')}`,
  otel_logs: `${SCOPE}, ${nanos('Timestamp', 'Time')}, SeverityNumber, SeverityText, Body,
    LogAttributes AS Own, EventName`,
};

let folder: string;
let pipeline: PipelineProcess;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-round-trip-'));
  pipeline = new PipelineProcess({
    FLOTILLA_EVENT_LOG: `sqlite:${folder}/log.db`,
    FLOTILLA_WAREHOUSE: `chdb:${folder}/warehouse`,
    FLOTILLA_WAREHOUSE_HTTP_PORT: '0',
    FLOTILLA_BATCH_MAX_AGE_MS: '100',
    FLOTILLA_HEALTH_INTERVAL_MS: '600000',
  });
  client = createClient({ url: (await pipeline.ready).warehouse });
});
afterAll(async () => {
  await client.close();
  await pipeline.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function append(topic: string, requests: readonly Uint8Array[]): Promise<void> {
  const log = await openEventLog(`sqlite:${folder}/log.db`);
  const records = requests.map((value) => ({ key: 'd1', value, headers: {} }));
  for (let at = 0; at < records.length; at += 100) {
    await log.append(topic, records.slice(at, at + 100));
  }
  await log.close();
}

async function stored(table: keyof typeof QUERIES): Promise<Row[]> {
  const query = `SELECT ${QUERIES[table]} FROM ${table}`;
  const result = await client.query({ query, format: 'JSONEachRow' });
  return result.json<Row>();
}

const countOf = async (table: string): Promise<number> => {
  const result = await client.query({
    query: `SELECT toUInt32(count()) AS n FROM ${table}`,
    format: 'JSONEachRow',
  });
  return (await result.json<{ n: number }>())[0]?.n ?? 0;
};

/** One text a row, whatever the order of columns and of attributes. */
const rowText = (row: Row): string =>
  JSON.stringify(row, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/** Rows of `a` that `b` has not, as often as they are there; the first few. */
function without(a: readonly Row[], b: readonly Row[]): string[] {
  const counts = new Map<string, number>();
  for (const text of b.map(rowText)) counts.set(text, (counts.get(text) ?? 0) + 1);
  const left = a.map(rowText).filter((text) => {
    const count = counts.get(text) ?? 0;
    counts.set(text, count - 1);
    return count <= 0;
  });
  return left.slice(0, 3);
}

async function expectStored(table: keyof typeof QUERIES, expected: readonly Row[]): Promise<void> {
  await vi.waitFor(
    async () => expect(await countOf(table)).toBeGreaterThanOrEqual(expected.length),
    {
      timeout: 600_000,
      interval: 50,
    },
  );
  const rows = await stored(table);
  const difference = { missing: without(expected, rows), unexpected: without(rows, expected) };
  expect(difference, `${table}, FUZZ_SEED=${SEED}`).toEqual({ missing: [], unexpected: [] });
}

describe(`what OpenTelemetry's serialiser writes, ${REQUESTS} requests, FUZZ_SEED=${SEED}`, () => {
  it('is in the warehouse as it was sent: metrics of every kind', async () => {
    const sent = fc.sample(metricsArbitrary, { seed: SEED, numRuns: REQUESTS });
    await append(TOPIC_METRICS, sent.map(metricsRequest));
    const expected = metricRows(sent);
    expect(Object.values(expected).every((rows) => rows.length > 0)).toBe(true);
    for (const [table, rows] of Object.entries(expected)) {
      await expectStored(table as keyof typeof QUERIES, rows);
    }
  }, 1_200_000);

  it('is in the warehouse as it was sent: logs with any value as their body', async () => {
    const sent = fc.sample(logsArbitrary, { seed: SEED, numRuns: REQUESTS });
    await append(TOPIC_LOGS, sent.map(logsRequest));
    await expectStored('otel_logs', logRows(sent.flat()));
  }, 1_200_000);
});
