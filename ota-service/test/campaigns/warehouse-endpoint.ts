import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createClient, type ClickHouseClient } from '@clickhouse/client';

/** Node's own default, and so that of the warehouse's endpoint. */
const MAX_HEADER_BYTES = 16 * 1024;

/** Puts an embedded warehouse behind ClickHouse's HTTP interface, as far as queries need it. */
export async function listenAsWarehouse(warehouse: ClickHouseClient) {
  let longest = 0;
  const answer = async (url: string, body: string): Promise<string> => {
    longest = Math.max(longest, url.length);
    const given = [...new URL(url, 'http://localhost').searchParams];
    const parameters = given.filter(([name]) => name.startsWith('param_'));
    const result = await warehouse.query({
      query: body.replace(/\s*FORMAT JSONEachRow\s*$/, ''),
      format: 'JSONEachRow',
      query_params: Object.fromEntries(
        parameters.map(([name, value]) => [name.slice('param_'.length), value]),
      ),
    });
    return result.text();
  };
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    text(request)
      .then((body) => answer(request.url ?? '/', body))
      .then(
        (rows) => response.end(rows),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = createClient({ url: `http://127.0.0.1:${port}` });
  return {
    client,
    longestUrl: () => longest,
    async close(): Promise<void> {
      await client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
