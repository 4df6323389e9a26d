import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { createClient, TupleParam, type ClickHouseClient } from '@clickhouse/client';
import { createLogger } from '@flotilla/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WarehouseHttpEndpoint } from '../../src/warehouse/http-endpoint.ts';
import { ReadSessions } from '../../src/warehouse/read-sessions.ts';
import { embeddedWarehouse } from './embedded-warehouse.ts';

let stage: Awaited<ReturnType<typeof embeddedWarehouse>>;
let sessions: ReadSessions;
let endpoint: WarehouseHttpEndpoint;
let client: ClickHouseClient;

beforeAll(async () => {
  stage = await embeddedWarehouse();
  const { embedded } = stage.warehouse;
  if (embedded === null) throw new Error('not embedded');
  sessions = await ReadSessions.open(embedded, 2);
  endpoint = await WarehouseHttpEndpoint.listen(sessions, 0, createLogger('test', 'silent'));
  client = createClient({
    url: endpoint.url,
    log: { LoggerClass: SilentLogger },
    compression: { response: true },
  });
});
afterAll(async () => {
  await client.close();
  await endpoint.close();
  await sessions.close();
  await stage.remove();
});

class SilentLogger {
  trace() {}
  debug() {}
  info() {}
  warn() {}
  error() {}
}

async function rows<T>(query: string, parameters: Record<string, unknown> = {}): Promise<T[]> {
  const result = await client.query({ query, query_params: parameters, format: 'JSONEachRow' });
  return result.json<T>();
}

describe('the client over HTTP', () => {
  it('pings', async () => {
    expect(await client.ping()).toMatchObject({ success: true });
    expect(await client.ping({ select: true })).toMatchObject({ success: true });
  });

  it('binds parameters of every kind', async () => {
    const parameters = {
      text: "it's \\ a\ttab\nline {x:String} \u{1f600}",
      list: ["a'b", 'c\\d', 'e\nf', ''],
      numbers: [1, 2, 3],
      map: { "k'": 'v' },
      pair: new TupleParam([1, "x'"]),
      none: null,
      big: 18446744073709551615n,
      at: new Date('2026-01-02T03:04:05.678Z'),
      flag: true,
    };
    const [row] = await rows<Record<string, unknown>>(
      `SELECT {text:String} AS text, {list:Array(String)} AS list, {numbers:Array(UInt8)} AS numbers,
        {map:Map(String, String)} AS map, {pair:Tuple(UInt8, String)} AS pair,
        {none:Nullable(String)} AS none, toString({big:UInt64}) AS big,
        {at:DateTime64(3, 'UTC')} AS at, {flag:Bool} AS flag`,
      parameters,
    );
    expect(row).toEqual({
      ...parameters,
      pair: [1, "x'"],
      big: '18446744073709551615',
      at: '2026-01-02 03:04:05.678',
    });
  });

  it('does not remember the parameters of another query', async () => {
    await rows('SELECT {once:String}', { once: 'x' });
    await expect(
      Promise.all(Array.from({ length: 8 }, () => rows('SELECT {never:String}'))),
    ).rejects.toMatchObject({ code: '456' });
  });

  it('answers many queries at a time, each with its own parameters', async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        rows<{ i: number }>('SELECT {i:UInt32} AS i', { i }).then(([row]) => row?.i),
      ),
    );
    expect(answers).toEqual(Array.from({ length: 60 }, (_, i) => i));
  });

  it('reads tables, also while rows are inserted', async () => {
    // Of today: an old row is beyond the table's TTL, and a merge may drop it at any moment.
    const ComputedAt = new Date().toISOString().replace('T', ' ').replace('Z', '');
    await stage.warehouse.compute.insert({
      table: 'flotilla_device_health',
      format: 'JSONEachRow',
      values: [{ DeviceId: 'd1', ComputedAt, Score: 75.5 }],
    });
    expect(
      await rows('SELECT DeviceId, Score FROM flotilla_device_health WHERE DeviceId = {d:String}', {
        d: 'd1',
      }),
    ).toEqual([{ DeviceId: 'd1', Score: 75.5 }]);
  });

  it('ignores settings, so a client that sends some works', async () => {
    const result = await client.query({
      query: 'SELECT 1 AS one',
      format: 'JSONEachRow',
      clickhouse_settings: { readonly: '0', max_execution_time: 1, wait_end_of_query: 1 },
    });
    expect(await result.json()).toEqual([{ one: 1 }]);
  });

  it('tells errors as ClickHouse does', async () => {
    await expect(rows('SELECT nothing')).rejects.toMatchObject({
      code: '47',
      type: 'UNKNOWN_IDENTIFIER',
    });
    await expect(rows('SELECT * FROM nowhere')).rejects.toMatchObject({ code: '60' });
    await expect(rows('SELEC 1')).rejects.toMatchObject({ code: '164' });
    await expect(rows('SELECT (1')).rejects.toMatchObject({ code: '62' });
  });
});

describe('what would write, or reach beyond the tables', () => {
  it.each([
    'DROP TABLE otel_logs',
    'INSERT INTO flotilla_device_health (DeviceId) VALUES (1)',
    'CREATE TEMPORARY TABLE t (a UInt8)',
    'ALTER TABLE otel_logs DELETE WHERE 1',
    'SET readonly = 0',
    'KILL QUERY WHERE 1',
    'SYSTEM SHUTDOWN',
    'USE system',
    'SELECT 1; DROP TABLE otel_logs',
    "SELECT 1 INTO OUTFILE '/tmp/flotilla-must-not-exist'",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT arrayMap(file, ['/etc/hostname'])",
    "SELECT * APPLY file FROM (SELECT '/etc/hostname' AS x)",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM url('file:///etc/passwd', 'LineAsString')",
    "SELECT * FROM sqlite('/tmp/x.db', 't')",
    "SELECT * FROM icebergLocal('/tmp/x')",
    'SELECT 1 SETTINGS max_memory_usage = 0',
  ])('refuses %s', async (statement) => {
    const response = await fetch(endpoint.url, { method: 'POST', body: statement });
    expect([403, 400]).toContain(response.status);
    expect(response.headers.get('x-clickhouse-exception-code')).toMatch(/^\d+$/);
    expect(await response.text()).toMatch(/^Code: \d+\. DB::Exception: /);
  });

  it('is refused by the engine itself where the engine can', async () => {
    // Past the statement check, straight to the sessions.
    const run = (statement: string) => sessions.query(statement, {}, 'JSONEachRow');
    for (const statement of [
      'DROP TABLE otel_logs',
      "INSERT INTO flotilla_device_health (DeviceId) VALUES ('x')",
      "WITH 'x' AS id INSERT INTO flotilla_device_health (DeviceId) SELECT id",
      'CREATE TABLE t (a UInt8) ENGINE = Memory',
      'CREATE TEMPORARY TABLE t (a UInt8)',
      'SET readonly = 0',
      'SET max_execution_time = 0',
    ]) {
      await expect(run(statement), statement).rejects.toThrow(/Code: (164|497)/);
    }
    for (const source of [
      "file('/etc/passwd', 'LineAsString')",
      "url('http://127.0.0.1:1/', 'LineAsString')",
      "s3('http://bucket.s3.amazonaws.com/x.csv')",
      "sqlite('/tmp/x.db', 't')",
      "mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
      "remote('127.0.0.1:9000', system.one)",
      "icebergLocal('/tmp/x')",
    ]) {
      await expect(run(`SELECT * FROM ${source}`), source).rejects.toThrow(/Code: 497/);
    }
  });

  it('leaves everything as it was', async () => {
    expect(await rows('EXISTS TABLE otel_logs')).toEqual([{ result: 1 }]);
    expect(await rows("SELECT currentDatabase() AS d, getSetting('readonly') AS r")).toEqual([
      { d: 'default', r: 1 },
    ]);
  });
});

describe('plain HTTP', () => {
  it('takes a query in the URL and answers in its default format', async () => {
    const url = new URL(endpoint.url);
    url.searchParams.set('query', 'SELECT {a:UInt8} AS a, 2 AS b');
    url.searchParams.set('param_a', '7');
    expect(await (await fetch(url)).text()).toBe('7\t2\n');
    url.searchParams.set('default_format', 'JSONCompactEachRow');
    expect(await (await fetch(url)).text()).toBe('[7, 2]\n');
  });

  it('takes a compressed statement', async () => {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync('SELECT 5'),
    });
    expect(await response.text()).toBe('5\n');
  });

  it.each([
    ['a body that is no gzip', 'x', { 'content-encoding': 'gzip' }, 400],
    ['a bomb', gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }, 413],
    ['a huge statement', `SELECT '${'x'.repeat(2_000_000)}'`, {}, 413],
    ['nothing', '', {}, 400],
  ])('refuses %s', async (_what, body, headers, status) => {
    const response = await fetch(endpoint.url, { method: 'POST', headers, body });
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(/^Code: \d+\. DB::Exception: /);
  });

  it('does not know other paths, databases, or odd parameter names', async () => {
    expect((await fetch(`${endpoint.url}/play`)).status).toBe(404);
    expect((await fetch(`${endpoint.url}/?query=SELECT+1&database=system`)).status).toBe(404);
    expect((await fetch(`${endpoint.url}/?query=SELECT+1&param_a%3Bb=1`)).status).toBe(400);
    expect((await fetch(endpoint.url, { method: 'DELETE' })).status).toBe(404);
  });

  it('does not answer a page that calls it by another name', async () => {
    const status = await new Promise((resolve, reject) => {
      const outgoing = request(
        `${endpoint.url}/?query=SELECT+1`,
        { headers: { host: 'evil.example' } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      outgoing.once('error', reject).end();
    });
    expect(status).toBe(403);
  });

  it('refuses more queries than may wait', async () => {
    const responses = await Promise.all(
      Array.from({ length: 120 }, () =>
        fetch(
          `${endpoint.url}/?query=${encodeURIComponent('SELECT count() FROM numbers(30000000)')}`,
        ),
      ),
    );
    const statuses = new Set(responses.map((response) => response.status));
    expect(statuses).toEqual(new Set([200, 503]));
  });
});
