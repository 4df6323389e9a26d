import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pythonEnvironment, runScript } from './python-environment.ts';
import { TelemetryPath } from './telemetry-path.ts';

const environment = await pythonEnvironment(process.env['CI'] !== undefined);
const python = 'python' in environment ? environment.python : '';

const DEVICE = 'python-query';
let path: TelemetryPath;

describe.skipIf(python === '')(
  'the embedded warehouse, asked by clients of a ClickHouse server',
  () => {
    beforeAll(async () => {
      path = await TelemetryPath.create();
      await path.start('pipeline');
      await path.start('collector');
      await runScript(python, 'send_telemetry.py', {
        transport: 'http',
        endpoint: path.collectorUrl,
        compression: 'none',
        signals: ['metrics'],
        timeout: 30,
        device: DEVICE,
        token: await path.token(DEVICE),
      });
      const query = 'SELECT count() > 0 AS there FROM otel_metrics_histogram';
      const there = () => path.rows(query).then(([row]) => expect(row).toEqual({ there: 1 }));
      await vi.waitFor(there, { timeout: 60_000, interval: 100 });
    });
    afterAll(() => path.end());

    it.each(['none', 'gzip', 'lz4', 'zstd'])(
      'answers clickhouse-connect in the Native format, compression %s',
      async (compression) => {
        const { hostname: host, port } = new URL(path.warehouseUrl);
        const plan = { host, port: Number(port), compression, device: DEVICE };
        expect(await runScript(python, 'query_warehouse.py', plan)).toEqual({
          version: expect.stringMatching(/^\d+\.\d+\./) as string,
          gauge: {
            name: 'gauge',
            attributes: { list: '["x","y"]' },
            value: -273.15,
            year: new Date().getUTCFullYear(),
          },
          buckets: [
            [
              [3, 1, 1, 1],
              [1, 10, 100],
            ],
          ],
          streamed: (199_999 * 200_000) / 2,
          tables: expect.arrayContaining(['otel_logs', 'otel_metrics_gauge']) as string[],
          unknown: expect.stringContaining('UNKNOWN_IDENTIFIER') as string,
          drop: expect.stringContaining('READONLY') as string,
          insert: expect.stringContaining('ClickHouse exception') as string,
          rows: 0,
        });
      },
    );

    it('answers curl: a query in the URL, in the body, with parameters, and a refusal', async () => {
      const curl = async (...args: string[]) => {
        const { stdout } = await promisify(execFile)('curl', ['-sS', '--max-time', '30', ...args]);
        return stdout;
      };
      const url = path.warehouseUrl;
      expect(await curl(`${url}/ping`)).toBe('Ok.\n');
      expect(await curl(`${url}/?query=SELECT+1%2B1`)).toBe('2\n');
      const query =
        'SELECT DISTINCT DeviceId FROM otel_metrics_gauge WHERE DeviceId = {d:String} FORMAT CSV';
      expect(await curl(`${url}/?param_d=${DEVICE}`, '--data-binary', query)).toBe(`"${DEVICE}"\n`);
      const json = await curl(`${url}/?default_format=JSONEachRow`, '-d', 'SELECT 1 AS one');
      expect(JSON.parse(json)).toEqual({ one: 1 });
      expect(
        await curl('--compressed', `${url}/?enable_http_compression=1`, '-d', 'SELECT 2'),
      ).toBe('2\n');
      const refused = await curl('-w', '%{http_code}', url, '-d', 'DROP TABLE otel_logs');
      expect(refused).toMatch(/Code: 164.*READONLY[^]*403$/);
    });
  },
);
