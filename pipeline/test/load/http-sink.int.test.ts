import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createClient } from '@clickhouse/client';
import { TOPIC_LOGS } from '@flotilla/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RowEncoder } from '../../src/decode/row-encoder.ts';
import { TABLES } from '../../src/decode/tables.ts';
import { HttpSink, type RowInsert } from '../../src/load/insert-sink.ts';
import { readNativeBlock } from '../decode/native-block.ts';
import { logRecord, logsRequest } from '../decode/otlp-samples.ts';

interface Received {
  readonly url: URL;
  readonly body: Buffer;
}

const received: Received[] = [];
let respond: (response: ServerResponse) => void;
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  void buffer(request).then((body) => {
    received.push({ url: new URL(request.url ?? '', 'http://server'), body });
    respond(response);
  });
});
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = createClient({ url: `http://127.0.0.1:${port}`, max_open_connections: 1 });
});
afterAll(async () => {
  await client.close();
  server.close();
});

function insertOf(body: string, token: string): RowInsert {
  const encoder = new RowEncoder(TOPIC_LOGS, 0);
  encoder.add(0, logsRequest([logRecord('d1', 1, { body })]));
  const parts = encoder.rowsOf('otel_logs').parts();
  return { table: 'otel_logs', columns: TABLES.otel_logs.columns, parts, token };
}

it('sends the block whole, under its token, in one insert that is not delayed', async () => {
  respond = (response) => response.end();
  // One connection: the second insert waits for ever unless the first gives it back.
  await new HttpSink(client).insert(insertOf('x'.repeat(1_000_000), 'logs/0/0-1'));
  await new HttpSink(client).insert(insertOf('short', 'logs/0/1-2'));
  expect(received).toHaveLength(2);
  const { rows } = readNativeBlock(received[0]!.body);
  expect(rows.map(({ Body }) => String(Body).length)).toEqual([1_000_000]);
  const { searchParams } = received[0]!.url;
  expect(searchParams.get('query')).toMatch(/^INSERT INTO otel_logs \(.*`Body`.*\) FORMAT Native$/);
  expect(searchParams.get('insert_deduplication_token')).toBe('logs/0/0-1');
  expect(searchParams.get('async_insert')).toBe('0');
});

it('rejects with what the server says, or when it hangs up', async () => {
  respond = (response) => {
    response.writeHead(500, { 'x-clickhouse-exception-code': '252' });
    response.end('Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)');
  };
  await expect(new HttpSink(client).insert(insertOf('a', 't1'))).rejects.toThrow('Too many parts');
  respond = (response) => response.destroy();
  await expect(new HttpSink(client).insert(insertOf('a', 't2'))).rejects.toThrow(/hang up|ECONN/);
  respond = (response) => response.end();
  await expect(new HttpSink(client).insert(insertOf('a', 't3'))).resolves.toBeUndefined();
});
