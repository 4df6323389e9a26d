import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pythonEnvironment, runScript } from './python-environment.ts';
import { sentPoints, type Point, type SentMetrics } from './sent-metrics.ts';
import { TelemetryPath } from './telemetry-path.ts';

const environment = await pythonEnvironment(process.env['CI'] !== undefined);
const python = 'python' in environment ? environment.python : '';
const itWithPython = it.skipIf(python === '');

/** A span as the SDK's own JSON tells it. */
interface SentSpan {
  readonly name: string;
  readonly context: { readonly trace_id: string; readonly span_id: string };
  readonly parent_id: string | null;
}

interface Sent {
  readonly traces: { readonly success: boolean; readonly data: readonly SentSpan[][] };
  readonly metrics: SentMetrics;
  readonly logs: { readonly success: boolean };
}

interface Plan {
  readonly device: string;
  readonly token: string;
  readonly transport?: 'http' | 'grpc';
  readonly compression?: 'none' | 'gzip';
  readonly signals?: readonly string[];
}

let path: TelemetryPath;
let endpoints: Readonly<Record<'http' | 'grpc', string>>;
const start = async (environment: Readonly<Record<string, string>> = {}) => {
  path = await TelemetryPath.create();
  const { otlp = '', otlpGrpc = '' } = await path.start('collector', environment);
  endpoints = { http: otlp, grpc: otlpGrpc };
};

const send = ({ transport = 'http', ...plan }: Plan): Promise<Sent> =>
  runScript(python, 'send_telemetry.py', {
    transport,
    endpoint: endpoints[transport],
    compression: 'none',
    signals: ['metrics', 'logs'],
    timeout: 40,
    ...plan,
  });

const COMMON = `MetricDescription, MetricUnit, Attributes,
  toString(toUnixTimestamp64Nano(StartTimeUnix)) AS Start,
  toString(toUnixTimestamp64Nano(TimeUnix)) AS Time`;
const DISTRIBUTION = 'AggregationTemporality, toString(Count) AS Count, Sum, Min, Max';
const texts = (column: string) => `arrayMap(c -> toString(c), ${column}) AS ${column}`;
const COLUMNS = {
  otel_metrics_gauge: 'Value',
  otel_metrics_sum: 'Value, IsMonotonic, AggregationTemporality',
  otel_metrics_histogram: `${DISTRIBUTION}, ${texts('BucketCounts')}, ExplicitBounds`,
  otel_metrics_exponential_histogram: `${DISTRIBUTION}, Scale, toString(ZeroCount) AS ZeroCount,
    PositiveOffset, ${texts('PositiveBucketCounts')},
    NegativeOffset, ${texts('NegativeBucketCounts')}`,
};

async function storedPoints(device: string): Promise<Point[]> {
  const tables = Object.entries(COLUMNS).map(async ([table, columns]) => {
    const rows = await path.rows<{ MetricName: string }>(
      `SELECT MetricName, ${COMMON}, ${columns} FROM ${table} WHERE DeviceId = '${device}'`,
    );
    return rows.map(({ MetricName: name, ...fields }) => ({ table, name, fields }));
  });
  return (await Promise.all(tables)).flat();
}

const order = (points: readonly Point[]) =>
  points.toSorted((a, b) => (pointKey(a) < pointKey(b) ? -1 : 1));
const pointKey = ({ table, name, fields }: Point) =>
  `${table} ${name} ${JSON.stringify(fields['Attributes'])}`;

/** The bodies that send_telemetry.py logs, as the OTel Collector writes values as text. */
const BODIES = [
  'plain',
  '',
  'quotes " \\ \n é 😀',
  '42',
  '1.5',
  'true',
  '["a",1,null]',
  '{"deep":{"er":[1.5]}}',
];
const expectedLogs = BODIES.map((body, index) => ({
  Time: String(1_700_000_000_123_456_000n + BigInt(index)),
  Body: body,
  SeverityNumber: 5 + index,
  SeverityText: 'INFO',
  LogAttributes: { index: String(index), list: '[1,2]', ok: 'false' },
  EventName: `event.${index}`,
  ServiceName: 'python-otel',
  ResourceAttributes: {
    numbers: '[1,2]',
    on: 'true',
    ratio: '0.5',
  },
  ScopeName: 'interop',
  ScopeVersion: '4.5.6',
  ScopeAttributes: { scoped: 'yes' },
  FirmwareVersion: '1.2.3',
  DeviceModel: 'sensor-1',
}));
const storedLogs = (device: string) =>
  path.rows(
    `SELECT toString(toUnixTimestamp64Nano(Timestamp)) AS Time, Body, SeverityNumber, SeverityText,
       LogAttributes, EventName, ServiceName, ScopeName, ScopeVersion, ScopeAttributes,
       ResourceAttributes, FirmwareVersion, DeviceModel
     FROM otel_logs WHERE DeviceId = '${device}' ORDER BY Timestamp`,
  );

const patiently = { timeout: 60_000, interval: 100 };

describe('the OpenTelemetry Python SDK, through collector and pipeline', () => {
  beforeAll(async () => {
    await start();
    await path.start('pipeline');
  });
  afterAll(() => path.end());

  itWithPython.each([
    ['http', 'none'],
    ['http', 'gzip'],
    ['grpc', 'none'],
    ['grpc', 'gzip'],
  ] as const)(
    'stores what the %s exporter sends with compression %s, row by row',
    async (transport, compression) => {
      const device = `python-${transport}-${compression}`;
      const token = await path.token(device);
      const sent = await send({ device, token, transport, compression });
      expect([sent.metrics.success, sent.logs.success]).toEqual([true, true]);

      const points = sentPoints(sent.metrics);
      expect(points).toHaveLength(8);
      await vi.waitFor(async () => {
        expect(order(await storedPoints(device))).toEqual(order(points));
        expect(await storedLogs(device)).toMatchObject(expectedLogs);
      }, patiently);
    },
  );

  itWithPython.each(['http', 'grpc'] as const)(
    'stores the spans that the %s exporter sends',
    async (transport) => {
      const device = `python-spans-${transport}`;
      const plan = { device, token: await path.token(device), transport, signals: ['traces'] };
      const { traces } = await send(plan);
      expect(traces.success).toBe(true);
      const ids = traces.data.flat().map(({ name, context, parent_id }) => ({
        SpanName: name,
        TraceId: context.trace_id.slice(2),
        SpanId: context.span_id.slice(2),
        ParentSpanId: parent_id?.slice(2) ?? '',
      }));
      const told = [
        { SpanKind: 'Client', StatusCode: 'Error', StatusMessage: 'it failed', Events: [] },
        { SpanKind: 'Server', StatusCode: 'Unset', StatusMessage: '', Events: ['event'] },
      ];
      const query = `SELECT SpanName, TraceId, SpanId, ParentSpanId, SpanKind, StatusCode,
          StatusMessage, Events.Name AS Events
        FROM otel_traces WHERE ResourceAttributes['device.id'] = '${device}' ORDER BY SpanName`;
      await vi.waitFor(
        async () =>
          expect(await path.rows(query)).toEqual(ids.map((id, i) => ({ ...id, ...told[i] }))),
        patiently,
      );
    },
  );

  itWithPython.each(['http', 'grpc'] as const)(
    'is refused over %s with a token that is none, and does not try again',
    async (transport) => {
      const before = await requests('unauthenticated');
      const plan = { device: 'python-none', token: 'wrong', signals: ['metrics'], transport };
      const sent = await send(plan);
      expect(sent.metrics.success).toBe(false);
      expect((await requests('unauthenticated')) - before).toBe(1);
    },
  );

  itWithPython('is refused when it speaks for another device, and does not try again', async () => {
    const before = await requests('identity_mismatch');
    const token = await path.token('python-other');
    const sent = await send({ device: 'python-else', token, signals: ['metrics'] });
    expect(sent.metrics.success).toBe(false);
    expect((await requests('identity_mismatch')) - before).toBe(1);
  });
});

describe('the OpenTelemetry Python SDK and a collector that cannot take more now', () => {
  afterAll(() => path.end());

  itWithPython('waits as told by 429 and by 503, then delivers everything once', async () => {
    // Every second request finds its bucket empty, and the log has room for the first few only.
    const limits = { FLOTILLA_RATE_PER_DEVICE: '2', FLOTILLA_RATE_BURST_PER_DEVICE: '1' };
    await start({ ...limits, FLOTILLA_MAX_LOG_BYTES: '4096' });
    const device = 'python-patient';
    const sending = send({ device, token: await path.token(device) });
    await vi.waitFor(
      async () => expect(await requests('unavailable')).toBeGreaterThan(0),
      patiently,
    );
    await path.start('pipeline');

    const sent = await sending;
    expect([sent.metrics.success, sent.logs.success]).toEqual([true, true]);
    expect(await requests('too_many_requests')).toBeGreaterThan(0);
    await vi.waitFor(async () => {
      expect(order(await storedPoints(device))).toEqual(order(sentPoints(sent.metrics)));
      expect(await storedLogs(device)).toMatchObject(expectedLogs);
    }, patiently);
  });
});

/** Requests the collector answered in this way so far, over all signals. */
async function requests(outcome: string): Promise<number> {
  const text = await (await fetch(`${path.collectorUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.includes(`outcome="${outcome}"`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
