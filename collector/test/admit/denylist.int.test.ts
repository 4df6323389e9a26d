import { createServer, type Server } from 'node:http';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { DenylistPage } from '@flotilla/contracts';
import { createLogger, loadConfig, type RunningService } from '@flotilla/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { startCollector } from '../../src/start-collector.ts';
import { CollectorFolder, tokenFor } from '../testing/collector-harness.ts';
import { logsRequest } from '../testing/otlp-requests.ts';

/** Says what it is told to, in pages of one entry. */
class Denylists {
  entries: DenylistPage['entries'] = [];
  isUp = true;
  readonly #server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    if (!this.isUp || request.headers.authorization !== 'Bearer internal-token') {
      response.writeHead(503).end('no');
      return;
    }
    const after = Number(url.searchParams.get('after'));
    const left = this.entries.filter(({ seq }) => seq > after);
    const page: DenylistPage = {
      entries: left.slice(0, 1),
      nextAfter: left[0]?.seq ?? after,
      more: left.length > 1,
    };
    response.end(JSON.stringify(page));
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  list(deviceId: string, listed: boolean, reason = 'retired'): void {
    const seq = this.entries.length + 1;
    this.entries.push({ seq, kind: 'device', subject: deviceId, listed, reason });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let folder: CollectorFolder;
let denylists: Denylists;
let collector: RunningService | undefined;

beforeEach(async () => {
  folder = await CollectorFolder.create();
  denylists = new Denylists();
});
afterEach(async () => {
  await collector?.stop();
  collector = undefined;
  denylists.close();
  await folder.remove();
});

async function start(): Promise<void> {
  const tokenFile = join(folder.path, 'internal.token');
  await writeFile(tokenFile, 'internal-token\n');
  const config = loadConfig(configSchema, {
    ...folder.environment,
    FLOTILLA_IDENTITY_URL: await denylists.listen(),
    FLOTILLA_INTERNAL_TOKEN_FILE: tokenFile,
  });
  collector = await startCollector(config, createLogger('test', 'silent'));
}

async function send(deviceId: string): Promise<number> {
  const answer = await fetch(`${collector?.addresses['otlp'] ?? ''}/v1/logs`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await tokenFor(deviceId)}`,
      'content-type': 'application/x-protobuf',
    },
    body: new Uint8Array(logsRequest({ 'device.id': deviceId })),
  });
  await answer.arrayBuffer();
  return answer.status;
}
const expectStatus = (deviceId: string, status: number) =>
  vi.waitFor(async () => expect(await send(deviceId)).toBe(status), 10_000);

describe('the denylist', () => {
  it('keeps a listed device out, also with a token that was accepted before', async () => {
    denylists.list('dev-0', true);
    await start();
    await expectStatus('dev-0', 403);
    await expectStatus('dev-1', 200);
    denylists.list('dev-2', true);
    denylists.list('dev-1', true);
    await expectStatus('dev-1', 403);
    expect(await send('dev-3')).toBe(200);
    denylists.list('dev-1', false, 'released');
    await expectStatus('dev-1', 200);
  });

  it('lets a device in that drains', async () => {
    denylists.list('dev-1', true, 'draining');
    denylists.list('dev-2', true);
    await start();
    await expectStatus('dev-2', 403);
    expect(await send('dev-1')).toBe(200);
  });

  it('that was never read keeps everybody out; one that was read holds on', async () => {
    denylists.isUp = false;
    denylists.list('dev-0', true);
    await start();
    expect(await send('dev-1')).toBe(503);
    denylists.isUp = true;
    await expectStatus('dev-1', 200);
    denylists.isUp = false;
    expect(await send('dev-0')).toBe(403);
    expect(await send('dev-1')).toBe(200);
  });
});
