import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OtaClient } from '../../src/ota/ota-client.ts';

const MIB = 1024 * 1024;
const block = Buffer.alloc(64 * 1024, 0x20);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function poll(baseUrl: string) {
  const client = new OtaClient({
    baseUrl,
    token: 'secret',
    requestTimeoutMs: 30_000,
    now: Date.now,
  });
  const request = { runningVersion: null, runningSha256: null };
  return client.poll(request, new AbortController().signal);
}

/** Goes on as long as somebody listens, up to a bound that only a client without one reaches. */
function endless(response: ServerResponse): () => number {
  let sent = 0;
  const more = () => {
    while (sent < 64 * MIB) {
      sent += block.length;
      if (!response.write(block)) {
        response.once('drain', more);
        return;
      }
    }
    response.end();
  };
  more();
  return () => sent;
}

describe('an answer of ota-service', () => {
  it.each([200, 503])('with status %i that never ends is cut', async (status) => {
    let sent = () => 0;
    const url = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      sent = endless(response);
    });
    expect(await poll(url)).toMatchObject({ kind: 'retry' });
    // Beside what it took there is only what fits into the sockets between the two.
    expect(sent()).toBeLessThan(32 * MIB);
  });

  it('that leads elsewhere is not followed: neither token nor words go to another host', async () => {
    const seen: IncomingMessage[] = [];
    const other = await serve((request, response) => {
      seen.push(request);
      response.end(JSON.stringify({ pollAfterMs: 1, deployment: null }));
    });
    const url = await serve((_request, response) => {
      response.writeHead(307, { location: other }).end();
    });
    expect(await poll(url)).toMatchObject({ kind: 'retry' });
    expect(seen).toEqual([]);
  });
});
