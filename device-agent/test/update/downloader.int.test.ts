import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeOtaServer, TEST_TOKEN, type Fault } from '../../src/testing/fake-ota-server.ts';
import { DEFAULT_UPDATE_SETTINGS } from '../../src/update-settings.ts';
import { download, type DownloadRequest } from '../../src/update/downloader.ts';

const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

let folder: string;
let server: FakeOtaServer;
let received: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-download-'));
  server = await FakeOtaServer.start();
  received = 0;
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function prepare(fault: Fault = {}, change: Partial<DownloadRequest> = {}): DownloadRequest {
  const { path, sha256, sizeBytes } = server.addBlob(bytes);
  server.faults.set(path, fault);
  return {
    url: `${server.url}${path}`,
    headers: { authorization: `Bearer ${TEST_TOKEN}` },
    destination: join(folder, 'file.part'),
    sha256,
    sizeBytes,
    stallTimeoutMs: 5_000,
    signal: new AbortController().signal,
    pace: DEFAULT_UPDATE_SETTINGS.pace,
    now: Date.now,
    monotonicNow: () => performance.now(),
    onBytes: (count) => (received += count),
    ...change,
  };
}

describe('a download', () => {
  it('continues behind what a broken connection left', async () => {
    const cut = Promise.withResolvers<void>();
    const onBytes = (count: number) => {
      received += count;
      if (received === 70_000) cut.resolve();
    };
    const fault = { cutAfterBytes: 70_000, cuts: 1, cutWhen: cut.promise };
    const request = prepare(fault, { onBytes });
    await expect(download(request)).rejects.toMatchObject({ kind: 'transient' });
    expect(statSync(request.destination).size).toBe(70_000);
    await download(request);
    expect(readFileSync(request.destination).equals(bytes)).toBe(true);
    expect(server.requests.map((r) => r.range)).toEqual([undefined, 'bytes=70000-']);
    expect(received).toBe(bytes.length);
  });

  it('begins again when the server ignores the range', async () => {
    const request = prepare({ ignoreRange: true });
    writeFileSync(request.destination, 'remains');
    await download(request);
    expect(readFileSync(request.destination).equals(bytes)).toBe(true);
  });

  it('asks nobody when everything is there, but still checks it', async () => {
    const request = prepare();
    writeFileSync(request.destination, bytes);
    await download(request);
    expect(server.requests).toHaveLength(0);
    writeFileSync(request.destination, Buffer.alloc(bytes.length));
    await expect(download(request)).rejects.toMatchObject({ kind: 'digest' });
    expect(statSync(request.destination).size).toBe(0);
  });

  it.each([
    ['status 404', { status: 404 }, 'unavailable'],
    ['status 503', { status: 503 }, 'transient'],
    ['status 401', { status: 401 }, 'transient'],
    ['other content', { instead: Buffer.alloc(bytes.length) }, 'digest'],
    ['less than announced', { instead: bytes.subarray(0, 999) }, 'size'],
    ['more than announced', { instead: Buffer.concat([bytes, bytes]) }, 'size'],
  ] as const)('tells apart: %s', async (_name, fault, kind) => {
    const request = prepare(fault);
    await expect(download(request)).rejects.toMatchObject({ kind });
    expect(statSync(request.destination).size).toBeLessThanOrEqual(bytes.length);
  });

  it('sees from a range that the content ended before the announced size', async () => {
    const request = prepare({ instead: bytes.subarray(0, 1000) });
    writeFileSync(request.destination, bytes.subarray(0, 1000));
    await expect(download(request)).rejects.toMatchObject({ kind: 'size' });
  });
});

describe('a server that misbehaves while it sends', () => {
  let bad: Server;
  afterEach(() => {
    bad.closeAllConnections();
    bad.close();
  });

  async function listen(answer: Parameters<typeof createServer>[1]): Promise<string> {
    bad = createServer(answer);
    await new Promise<void>((resolve) => bad.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(bad.address() as AddressInfo).port}/`;
  }

  it('is left when it falls silent', async () => {
    const url = await listen((_request, response) => void response.write(bytes.subarray(0, 100)));
    const request = prepare({}, { url, stallTimeoutMs: 100 });
    await expect(download(request)).rejects.toMatchObject({ kind: 'transient' });
  });

  it('is cut off when it sends more than announced without saying so', async () => {
    const url = await listen((_request, response) => {
      response.write(bytes);
      response.end(bytes);
    });
    const request = prepare({}, { url });
    await expect(download(request)).rejects.toMatchObject({ kind: 'size' });
    expect(statSync(request.destination).size).toBe(0);
  });
});
