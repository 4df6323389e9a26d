import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/warehouse/migrations.ts';
import { openWarehouse, type Warehouse } from '../../src/warehouse/warehouse.ts';
import { rowsOf } from '../warehouse/embedded-warehouse.ts';

const WRITER = { user: 'flotilla', password: 'w p:ss@word' };
const READER = { user: 'reader', password: 'read-only-secret' };
const folder = mkdtempSync(join(tmpdir(), 'flotilla-warehouse-server-'));

let child: ChildProcess;
let origin: string;
let warehouse: Warehouse;

/** Starts the process and waits until it tells its address. */
async function startServer(): Promise<void> {
  child = spawn(
    process.execPath,
    [new URL('../../src/warehouse-server/main.ts', import.meta.url).pathname],
    {
      env: {
        ...process.env,
        UV_THREADPOOL_SIZE: '16',
        FLOTILLA_WAREHOUSE_FOLDER: folder,
        FLOTILLA_WAREHOUSE_SERVER_PORT: '0',
        FLOTILLA_WAREHOUSE_WRITER_PASSWORD: WRITER.password,
        FLOTILLA_WAREHOUSE_READER_PASSWORD: READER.password,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let output = '';
  origin = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the server ended: ${output}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const url = /"warehouse":"(http:[^"]+)"/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}

async function killServer(): Promise<void> {
  child.removeAllListeners('exit');
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** `http://user:password@host:port/default`, as the pipeline is told it. */
function warehouseUrl(): string {
  const url = new URL('/default', origin);
  url.username = WRITER.user;
  url.password = encodeURIComponent(WRITER.password);
  return url.href;
}

beforeAll(async () => {
  await startServer();
  warehouse = openWarehouse(warehouseUrl(), process.pid);
});
afterAll(async () => {
  await killServer();
  await warehouse.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

async function send(
  query: string,
  body: string | Buffer = '',
  account: { user: string; password: string } | null = WRITER,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${origin}/?${query}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: {
      ...headers,
      ...(account !== null && {
        'x-clickhouse-user': account.user,
        'x-clickhouse-key': account.password,
      }),
    },
  });
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  };
}

const query = (text: string) => `query=${encodeURIComponent(text)}`;

/** Stores log lines as one range of the log, under the range's token. */
async function store({ ingest }: Warehouse, source: string, count: number): Promise<void> {
  await ingest.insert({
    table: 'otel_logs',
    format: 'JSONEachRow',
    values: Array.from({ length: count }, (_, index) => ({
      Timestamp: `2026-01-0${(index % 3) + 1} 00:00:00`,
      ResourceAttributes: { 'device.id': 'd1' },
      Body: `line ${index}`,
      IngestSource: source,
      IngestOffset: index,
    })),
    clickhouse_settings: { async_insert: 0, insert_deduplication_token: `${source}/0-${count}` },
  });
}

async function stored(client: Warehouse['compute'], source: string): Promise<number> {
  const [row] = await rowsOf<{ n: number }>(
    client,
    `SELECT toUInt32(count()) AS n FROM otel_logs WHERE IngestSource = '${source}'`,
  );
  return row?.n ?? -1;
}

describe('the pipeline over the warehouse server', () => {
  it('migrates once, also when two processes start', async () => {
    expect((await migrate(warehouse.ingest)).length).toBeGreaterThan(0);
    const second = openWarehouse(warehouseUrl(), process.pid);
    try {
      expect(await migrate(second.ingest)).toEqual([]);
    } finally {
      await second.close();
    }
  });

  it('stores a range once, however often it comes, and from several clients at once', async () => {
    const second = openWarehouse(warehouseUrl(), process.pid);
    try {
      await Promise.all(
        [warehouse, second].map(async (client, index) => {
          for (const source of [`logs/${index}`, 'logs/shared']) {
            await store(client, source, 20);
            await store(client, source, 20);
          }
        }),
      );
      expect(await stored(second.compute, 'logs/shared')).toBe(20);
      expect(await stored(second.compute, 'logs/0')).toBe(20);
      expect(await stored(second.compute, 'logs/1')).toBe(20);
    } finally {
      await second.close();
    }
  });

  it('keeps what it acknowledged when it is killed, and takes a replay for one', async () => {
    await store(warehouse, 'logs/9', 10);
    await killServer();
    await startServer();
    const again = openWarehouse(warehouseUrl(), process.pid);
    await warehouse.close();
    warehouse = again;
    await store(again, 'logs/9', 10);
    expect(await stored(again.compute, 'logs/9')).toBe(10);
  });
});

describe('inserts of any format', () => {
  beforeAll(async () => {
    await send(
      '',
      'CREATE TABLE plain (a UInt32, b String) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 10',
    );
  });

  it('takes RowBinary, with bytes that are no text, plain and compressed', async () => {
    const row = (a: number) => Buffer.from([a, 0, 0, 0, 4, 0xff, 0x00, 0x0a, 0x3b]);
    const insert = query('INSERT INTO plain (a, b) FORMAT RowBinary');
    const first = await send(insert, row(1));
    expect(first.status).toBe(200);
    expect(JSON.parse(first.headers.get('x-clickhouse-summary') ?? '')).toMatchObject({
      written_rows: '1',
    });
    for (const [encoding, body] of [
      ['gzip', gzipSync(row(2))],
      ['zstd', zstdCompressSync(row(3))],
    ] as const) {
      const answer = await send(insert, body, WRITER, { 'content-encoding': encoding });
      expect([encoding, answer.status]).toEqual([encoding, 200]);
    }
    const answer = await send('', 'SELECT a, hex(b) FROM plain ORDER BY a FORMAT TSV');
    expect(answer.body.toString()).toBe('1\tFF000A3B\n2\tFF000A3B\n3\tFF000A3B\n');
  });

  it('gives and takes Native blocks', async () => {
    const native = await send(
      'default_format=Native',
      "SELECT toUInt32(7) AS a, unhex('FF00') AS b",
    );
    expect(native.headers.get('x-clickhouse-format')).toBe('Native');
    expect(native.headers.get('content-type')).toBe('application/octet-stream');
    expect((await send(query('INSERT INTO plain (a, b) FORMAT Native'), native.body)).status).toBe(
      200,
    );
    const answer = await send('', 'SELECT hex(b) FROM plain WHERE a = 7');
    expect(answer.body.toString()).toBe('FF00\n');
  });

  it('answers the handshake of clients that speak Native', async () => {
    const answer = await send(
      'default_format=Native',
      'SELECT displayName(), version(), revision(), timezone()',
    );
    expect(answer.status).toBe(200);
    expect(answer.body.subarray(0, 2)).toEqual(Buffer.from([4, 1]));
    expect(answer.body.toString('latin1')).toContain('UTC');
  });

  it('writes Native blocks for the protocol revision that a client names', async () => {
    const sql =
      'SELECT toLowCardinality(toString(number % 3)) AS a, map(a, number) AS b FROM numbers(50)';
    const ask = (revision: string, account: typeof WRITER) =>
      send(`default_format=Native&client_protocol_version=${revision}`, sql, account);
    const plain = (await ask('0', WRITER)).body;
    for (const account of [WRITER, READER]) {
      const { body } = await ask('54460', account);
      expect(body.subarray(0, 10).toString('hex')).toBe('010002ffffffff000232');
      // One block: its information, and a marker in each of its two columns.
      expect(body).toHaveLength(plain.length + 8 + 2);
    }
    const dynamic = await send(
      'default_format=Native&client_protocol_version=54460',
      "SELECT CAST(1, 'Dynamic')",
    );
    expect([dynamic.status, dynamic.headers.get('x-clickhouse-exception-code')]).toEqual([
      501,
      '48',
    ]);
    expect((await ask('x', WRITER)).status).toBe(400);
  });

  it('applies settings and parameters of the URL to that statement alone', async () => {
    const token = `${query('INSERT INTO plain FORMAT CSV')}&insert_deduplication_token=t1`;
    await send(token, '100,x\n');
    await send(token, '100,x\n');
    const counted = await send('param_a=100', 'SELECT count() FROM plain WHERE a = {a:UInt32}');
    expect(counted.body.toString()).toBe('1\n');
    const without = await send('', 'SELECT {a:UInt32}');
    expect(without.headers.get('x-clickhouse-exception-code')).toBe('456');
    expect(
      (await send('no_such_setting=1', 'SELECT 1')).headers.get('x-clickhouse-exception-code'),
    ).toBe('115');
  });

  it('takes rows after the statement, and a database of its own', async () => {
    expect((await send('', 'CREATE DATABASE IF NOT EXISTS other')).status).toBe(200);
    await send('database=other', 'CREATE TABLE t (a UInt8) ENGINE = MergeTree() ORDER BY a');
    await send('database=other', 'INSERT INTO t FORMAT JSONEachRow\n{"a":1}\n{"a":2}');
    await send(`${query('INSERT INTO t VALUES')}&database=other`, '(3),(4)');
    const answer = await send('', 'SELECT sum(a) FROM other.t');
    expect(answer.body.toString()).toBe('10\n');
  });

  it('tells what is wrong with a body, and stores nothing of it', async () => {
    const insert = query('INSERT INTO plain FORMAT JSONEachRow');
    const broken = await send(insert, '{"a":1000,"b":"x"}\n{"a":');
    expect(broken.status).toBeGreaterThanOrEqual(400);
    expect(broken.headers.get('x-clickhouse-exception-code')).not.toBeNull();
    const torn = await send(insert, gzipSync('{"a":1000}').subarray(0, 12), WRITER, {
      'content-encoding': 'gzip',
    });
    expect(torn.status).toBe(400);
    expect((await send(insert, 'x', WRITER, { 'content-encoding': 'rot13' })).status).toBe(400);
    expect((await send('', 'SELECT count() FROM plain WHERE a = 1000')).body.toString()).toBe(
      '0\n',
    );
  });
});

describe('access', () => {
  it('lets nobody in without an account', async () => {
    for (const account of [null, { ...WRITER, password: 'wrong' }, { user: 'x', password: '' }]) {
      const answer = await send('', 'SELECT 1', account);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('x-clickhouse-exception-code')).toBe('516');
    }
  });

  it('takes credentials from basic authentication and the URL as well', async () => {
    const basic = Buffer.from(`${WRITER.user}:${WRITER.password}`).toString('base64');
    expect((await send('', 'SELECT 1', null, { authorization: `Basic ${basic}` })).status).toBe(
      200,
    );
    const inUrl = new URLSearchParams({ user: READER.user, password: READER.password });
    expect((await send(inUrl.toString(), 'SELECT 1', null)).status).toBe(200);
  });

  it('lets the reader read and nothing else', async () => {
    expect((await send('', 'SELECT count() FROM otel_logs', READER)).status).toBe(200);
    for (const statement of [
      'DROP TABLE otel_logs',
      "INSERT INTO otel_logs (Body) VALUES ('x')",
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    ]) {
      expect((await send('', statement, READER)).status).toBe(403);
    }
    expect((await send(query('INSERT INTO plain FORMAT CSV'), '1,x', READER)).status).toBe(403);
  });

  it('keeps a writer away from the files of the machine', async () => {
    const answer = await send('', "SELECT * FROM file('/etc/passwd', 'LineAsString')");
    expect(answer.headers.get('x-clickhouse-exception-code')).toBe('497');
  });

  it('does not write on a GET, and answers health checks to anybody', async () => {
    const url = new URLSearchParams({ ...WRITER, query: 'DROP TABLE plain' });
    expect((await fetch(`${origin}/?${url.toString()}`)).status).toBe(403);
    expect((await fetch(`${origin}/ping`)).status).toBe(200);
    expect((await fetch(`${origin}/replicas_status`)).status).toBe(200);
  });
});
