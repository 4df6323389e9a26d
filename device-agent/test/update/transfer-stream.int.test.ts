import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_UPDATE_SETTINGS } from '../../src/update-settings.ts';
import { DownloadError } from '../../src/update/download-error.ts';
import { retryTransfer } from '../../src/update/transfer-retries.ts';
import { openTransfer, type TransferRequest } from '../../src/update/transfer-stream.ts';
import { silent } from '../agent-bench.ts';

const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(answer: Answer, change: Partial<TransferRequest> = {}) {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let received = 0;
  const request: TransferRequest = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    headers: {},
    sizeBytes: bytes.length,
    stallTimeoutMs: 5_000,
    pace: DEFAULT_UPDATE_SETTINGS.pace,
    signal: new AbortController().signal,
    now: Date.now,
    monotonicNow: () => performance.now(),
    onBytes: (count) => (received += count),
    ...change,
  };
  return { request, received: () => received };
}

async function read(request: TransferRequest, from = 0, etag: string | null = null) {
  const stream = await openTransfer(request, from, etag);
  const chunks: Buffer[] = [];
  for await (const chunk of stream.chunks) chunks.push(Buffer.from(chunk));
  return { ...stream, content: Buffer.concat(chunks) };
}

/** As a server that knows Range and If-Range. */
function ranged(etag: string, content = bytes): Answer {
  return ({ headers }, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const matches = headers['if-range'] === undefined || headers['if-range'] === etag;
    if (from === 0 || !matches) {
      response.writeHead(200, { etag, 'content-length': content.length }).end(content);
      return;
    }
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { etag, 'content-range': range }).end(content.subarray(from));
  };
}

describe('a transfer', () => {
  it('goes on behind what is there, as long as the validator still holds', async () => {
    const { request } = await serve(ranged('"one"'));
    const whole = await read(request);
    expect(whole).toMatchObject({ startsAtByte: 0, etag: '"one"' });
    const rest = await read(request, 60_000, '"one"');
    expect(rest.startsAtByte).toBe(60_000);
    expect(rest.content.equals(bytes.subarray(60_000))).toBe(true);
    const other = await read(request, 60_000, '"two"');
    expect(other.startsAtByte).toBe(0);
    expect(other.content.equals(bytes)).toBe(true);
  });

  it('does not take a weak validator for one', async () => {
    const { request } = await serve(ranged('W/"one"'));
    expect((await read(request)).etag).toBeNull();
  });

  it('takes no more than its rate', async () => {
    const pace = { ...DEFAULT_UPDATE_SETTINGS.pace, maxBytesPerSecond: 200_000 };
    const { request } = await serve(ranged('"one"'), { pace });
    const startedAtMs = performance.now();
    expect((await read(request)).content.equals(bytes)).toBe(true);
    // A quarter of a second's worth comes at once, and the last chunk is not waited for.
    const unhurriedMs = ((bytes.length - 50_000 - 65_536) / 200_000) * 1000;
    expect(performance.now() - startedAtMs).toBeGreaterThan(Math.max(150, unhurriedMs));
  });

  it('is cut when it trickles, and given up after some tries that all did', async () => {
    const pace = { maxBytesPerSecond: null, minBytesPerSecond: 1_000, floorWindowMs: 100 };
    const timers = new Set<NodeJS.Timeout>();
    let asked = 0;
    const { request } = await serve(
      (_request, response) => {
        asked += 1;
        response.writeHead(200);
        timers.add(setInterval(() => response.write('x'), 10));
      },
      { pace },
    );
    let progress = 0;
    const transfer = {
      run: async () => {
        await read({ ...request, onBytes: (count) => (progress += count) });
      },
      progressBytes: async () => progress,
      receivedBytes: () => progress,
      deservesCleanTry: () => false,
    };
    const rules = {
      backOff: { baseMs: 1, maxMs: 2 },
      maxFruitlessTries: 2,
      maxReceivedBytes: 1e9,
      random: () => 0.5,
      onPause: () => undefined,
      logger: silent,
    };
    await expect(retryTransfer(transfer, rules, request.signal)).rejects.toMatchObject({
      kind: 'slow',
    });
    expect(asked).toBe(3);
    for (const timer of timers) clearInterval(timer);
  });

  it('is cut at its size by a server that never ends, and keeps nothing of a long error page', async () => {
    const endless: Answer = (_request, response) => {
      const more = () => {
        while (response.write(bytes));
        response.once('drain', more);
      };
      more();
    };
    const { request, received } = await serve(endless);
    await expect(read(request)).rejects.toMatchObject({ kind: 'size' });
    expect(received()).toBeLessThan(3 * bytes.length);
    server.removeAllListeners('request');
    server.on('request', (incoming, response: ServerResponse) => {
      response.statusCode = 503;
      endless(incoming, response);
    });
    await expect(read(request)).rejects.toMatchObject({ kind: 'transient' });
  });

  it.each([301, 302, 307, 308])('goes nowhere a redirect by %d leads to', async (status) => {
    let elsewhere = 0;
    const other = createServer((_request, response) => {
      elsewhere += 1;
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    const { request } = await serve((_request, response) => {
      response.writeHead(status, { location }).end();
    });
    await expect(read(request)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(elsewhere).toBe(0);
    other.close();
  });

  it('waits as long as the server asks for, however good its luck', async () => {
    const { request } = await serve((_request, response) => {
      response.writeHead(503, { 'retry-after': '7' }).end();
    });
    const error = await read(request).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DownloadError);
    expect(error).toMatchObject({ kind: 'transient', retryAfterMs: 7_000 });
  });

  it('is given up when it costs many times its size, although each try brings something', async () => {
    let progress = 0;
    let tries = 0;
    const transfer = {
      run: async () => {
        tries += 1;
        progress += 1;
        throw new DownloadError('transient', 'the connection was lost');
      },
      progressBytes: async () => progress,
      receivedBytes: () => tries * 1_000,
      deservesCleanTry: () => false,
    };
    const rules = {
      backOff: { baseMs: 1, maxMs: 1 },
      maxFruitlessTries: 2,
      maxReceivedBytes: 20_000,
      random: () => 0,
      onPause: () => undefined,
      logger: silent,
    };
    server = createServer();
    await expect(
      retryTransfer(transfer, rules, new AbortController().signal),
    ).rejects.toMatchObject({ kind: 'unavailable' });
    expect(tries).toBe(21);
  });
});
