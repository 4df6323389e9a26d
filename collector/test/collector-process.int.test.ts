import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HEADER_BATCH_ID, HTTP_BATCH_ID, TOPIC_METRICS } from '@flotilla/contracts';
import type { ReadyMessage } from '@flotilla/service';
import { CollectorFolder, tokenFor } from './testing/collector-harness.ts';
import { metricsRequest } from './testing/otlp-requests.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const DEVICE = 'device-1';
const BODY = metricsRequest({ 'device.id': DEVICE }, 20);
const MIB = 1024 * 1024;

let folder: CollectorFolder;
let token: string;
let child: ChildProcess;

beforeEach(async () => {
  folder = await CollectorFolder.create();
  token = await tokenFor(DEVICE);
});
afterEach(async () => {
  await stop('SIGKILL');
  await folder.remove();
});

async function start(environment: Record<string, string> = {}): Promise<string> {
  child = fork(MAIN, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...folder.environment, FLOTILLA_RATE_BURST_PER_DEVICE: '1000000', ...environment },
  });
  const [message] = (await once(child, 'message')) as [ReadyMessage];
  return message.addresses['otlp']!;
}

async function stop(signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}

function post(url: string, body: Buffer, headers: Record<string, string>): Promise<Response> {
  return fetch(`${url}/v1/metrics`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: {
      'content-type': 'application/x-protobuf',
      authorization: `Bearer ${token}`,
      ...headers,
    },
  });
}

/** Posts batches, several at a time, until the collector is gone; returns the acknowledged ids. */
function load(url: string, prefix: string, acknowledged: string[]): Promise<unknown> {
  let next = 0;
  const sender = async () => {
    for (;;) {
      const id = `${prefix}-${next++}`;
      try {
        const response = await post(url, BODY, { [HTTP_BATCH_ID]: id });
        if (response.status === 200) acknowledged.push(id);
      } catch {
        // The kill this test is about; fetch says no more than that the connection ended.
        return;
      }
    }
  };
  return Promise.all(Array.from({ length: 16 }, sender));
}

describe('the collector as a process', () => {
  it('loses no acknowledged batch when killed under load, and doubles none', async () => {
    const acknowledged: string[] = [];
    for (const round of [1, 2, 3, 4]) {
      const url = await start();
      const loading = load(url, `r${round}`, acknowledged);
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(150 * round), {
        timeout: 30_000,
        interval: 3,
      });
      await stop('SIGKILL');
      await loading;
    }
    const stored = (await folder.readLog(TOPIC_METRICS)).map(
      ({ headers }) => headers[HEADER_BATCH_ID] ?? '',
    );
    const kept = new Set(stored);
    expect(acknowledged.length).toBeGreaterThan(600);
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    expect(kept.size).toBe(stored.length);
  });

  it('finishes what it has accepted at SIGTERM, exits 0 and opens again', async () => {
    const url = await start();
    const answers = Array.from({ length: 50 }, (_, i) =>
      post(url, BODY, { [HTTP_BATCH_ID]: `t${i}` }).then(
        ({ status }) => (status === 200 ? `t${i}` : null),
        () => null,
      ),
    );
    await Promise.any(answers);
    expect(await stop('SIGTERM')).toBe(0);
    const acknowledged = (await Promise.all(answers)).filter((id) => id !== null);
    const stored = await folder.readLog(TOPIC_METRICS);
    const kept = new Set(stored.map(({ headers }) => headers[HEADER_BATCH_ID]));
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    expect((await fetch(`${await start()}/healthz`)).status).toBe(200);
  });

  it('exits 2 on a bad configuration', async () => {
    child = fork(MAIN, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env: {} });
    let errors = '';
    child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    await once(child, 'close');
    expect(child.exitCode).toBe(2);
    expect(errors).toMatch(/FLOTILLA_EVENT_LOG/);
    expect(errors).toMatch(/FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE/);
  });

  it.runIf(process.platform === 'linux')('refuses bombs with flat memory', async () => {
    const url = await start();
    // A gzip file may be a row of members (RFC 1952, 2.2): 2 GiB in 2 MiB.
    const member = gzipSync(Buffer.alloc(16 * MIB));
    const bombs = {
      gzip: Buffer.concat(Array.from({ length: 128 }, () => member)),
      zstd: zstdCompressSync(Buffer.alloc(256 * MIB)),
    };
    const peakBytes = async () => {
      const status = await readFile(`/proc/${child.pid!}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
    };
    for (let i = 0; i < 5; i += 1) await post(url, BODY, {});
    const before = await peakBytes();
    for (let i = 0; i < 10; i += 1) {
      for (const [encoding, bomb] of Object.entries(bombs)) {
        const response = await post(url, bomb, { 'content-encoding': encoding });
        expect(response.status).toBe(413);
        await response.arrayBuffer();
      }
    }
    expect((await peakBytes()) - before).toBeLessThan(96 * MIB);
    expect((await post(url, BODY, {})).status).toBe(200);
  });
});
