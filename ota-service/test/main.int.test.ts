import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import {
  campaignViewSchema,
  deviceCreatedSchema,
  deviceDetailSchema,
  firmwareViewSchema,
  pollResponseSchema,
} from '@flotilla/contracts';
import type { ReadyMessage } from '@flotilla/service';
import { generateEd25519 } from '@flotilla/signing';
import { draftTargets, toDocument, withRelease } from '@flotilla/trust';
import { signedByAll, TestRepository } from '@flotilla/trust/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tarBundle } from '../src/testing/tar-bundle.ts';

const ENTRY = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const TOKEN = 'an-operator-token-for-tests';
const offline = new TestRepository();

let folder: string;
let environment: Record<string, string>;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-ota-main-'));
  const keys = join(folder, 'keys');
  await mkdir(keys);
  await writeFile(join(keys, 'root.json'), offline.pinnedRoot);
  for (const role of ['snapshot', 'timestamp'] as const) {
    const pem = offline.keys[role][0]!.export({ type: 'pkcs8', format: 'pem' });
    await mkdir(join(keys, 'tuf'), { recursive: true });
    await writeFile(join(keys, 'tuf', `${role}.pem`), pem);
  }
  await writeFile(join(keys, 'device.pem'), generateEd25519().privateKeyPem);
  await writeFile(join(keys, 'operator'), `${TOKEN}\n`);
  environment = {
    FLOTILLA_OTA_PORT: '0',
    FLOTILLA_DATABASE: `sqlite:${join(folder, 'registry.db')}`,
    FLOTILLA_ARTIFACTS_DIR: join(folder, 'artifacts'),
    FLOTILLA_EVENT_LOG: `sqlite:${join(folder, 'log.db')}`,
    // Nothing listens there: the service must do its work without a warehouse.
    FLOTILLA_CLICKHOUSE_URL: 'http://127.0.0.1:9',
    FLOTILLA_TUF_ROOT_FILE: join(keys, 'root.json'),
    FLOTILLA_TUF_KEY_DIR: join(keys, 'tuf'),
    FLOTILLA_DEVICE_TOKEN_KEY_FILE: join(keys, 'device.pem'),
    FLOTILLA_OPERATOR_TOKEN_FILE: join(keys, 'operator'),
    FLOTILLA_CONSOLE_DIR: join(folder, 'no-console-built'),
  };
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  await rm(folder, { recursive: true, force: true });
});

function spawn(changes: Record<string, string> = {}): ChildProcess {
  const child = fork(ENTRY, [], {
    env: { PATH: process.env['PATH'], ...environment, ...changes },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  children.push(child);
  return child;
}

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn();
  // Drained, or a talkative child would block on a full pipe.
  const stderr = text(child.stderr!);
  const ready = once(child, 'message').then(([message]) => message as ReadyMessage);
  const ended = once(child, 'exit').then(async () => Promise.reject(new Error(await stderr)));
  const { name, addresses } = await Promise.race([ready, ended]);
  expect(name).toBe('ota-service');
  return { child, url: addresses['http']! };
}

async function endOf(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  const [stderr, [code]] = await Promise.all([
    text(child.stderr!),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stderr };
}

async function call(url: string, method: string, token: string, body?: unknown): Promise<unknown> {
  const isBytes = body instanceof Uint8Array;
  const answer = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && {
        'content-type': isBytes ? 'application/octet-stream' : 'application/json',
      }),
    },
    ...(body !== undefined && { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
  });
  const json: unknown = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(json));
  return json;
}

describe('the service as a process', () => {
  it('takes a campaign from upload to report, and remembers it after a restart', async () => {
    const first = await start();
    const api = `${first.url}/api/v1`;
    const artifact = tarBundle('1.0.0', Buffer.from('x'.repeat(5000)));
    const draft = firmwareViewSchema.parse(
      await call(`${api}/firmware?model=m&version=1.0.0`, 'POST', TOKEN, artifact),
    );
    const targets = withRelease(draftTargets(null, Date.now() + 86_400_000), draft.target);
    const signed = signedByAll(targets, offline.keys.targets);
    await call(`${api}/tuf/targets`, 'PUT', TOKEN, toDocument(signed));
    const { token } = deviceCreatedSchema.parse(
      await call(`${api}/devices`, 'POST', TOKEN, { id: 'dev-1', model: 'm' }),
    );
    const campaign = campaignViewSchema.parse(
      await call(`${api}/campaigns`, 'POST', TOKEN, {
        name: 'first',
        firmwareId: draft.id,
        phases: [{ percent: 100 }],
      }),
    );
    const { deployment } = pollResponseSchema.parse(
      await call(`${first.url}/device/v1/poll`, 'POST', token, {
        runningVersion: null,
        runningSha256: null,
      }),
    );
    expect(deployment).toMatchObject({ campaignId: campaign.id, phase: 1, target: 'm/1.0.0' });
    await call(`${first.url}/device/v1/reports`, 'POST', token, {
      reportId: randomUUID(),
      campaignId: campaign.id,
      phase: 1,
      round: 1,
      state: 'confirmed',
      fromVersion: null,
      toVersion: '1.0.0',
      occurredAt: new Date().toISOString(),
    });
    first.child.kill('SIGTERM');
    const [code] = (await once(first.child, 'exit')) as [number | null];
    expect(code).toBe(0);

    const second = await start();
    const detail = deviceDetailSchema.parse(
      await call(`${second.url}/api/v1/devices/dev-1`, 'GET', TOKEN),
    );
    expect(detail).toMatchObject({
      lifecycle: 'active',
      health: null,
      lastUpdate: { campaignId: campaign.id, state: 'confirmed', toVersion: '1.0.0' },
    });
    const download = await fetch(`${second.url}${deployment!.full.path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect((await download.arrayBuffer()).byteLength).toBe(deployment!.full.sizeBytes);
  });

  it('leaves nothing of an upload it was killed in', async () => {
    const incoming = join(folder, 'artifacts', 'incoming');
    const first = await start();
    const upload = request(`${first.url}/api/v1/firmware?model=m&version=1.0.0`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/octet-stream' },
    });
    // The connection breaks with the service; that is the point.
    upload.on('error', () => undefined);
    upload.write(randomBytes(200_000));
    await vi.waitFor(async () => expect(await readdir(incoming)).toHaveLength(1));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    expect(await readdir(incoming)).toHaveLength(1);
    const second = await start();
    expect(await readdir(incoming)).toEqual([]);
    expect(await call(`${second.url}/api/v1/firmware`, 'GET', TOKEN)).toEqual({ items: [] });
  });

  it('does not share its folder with another process', async () => {
    const first = await start();
    const { code, stderr } = await endOf(spawn());
    expect(code).toBe(1);
    expect(stderr).toContain(`is in use by process ${first.child.pid}`);
  });

  it('names every fault of its configuration at once', async () => {
    const { code, stderr } = await endOf(
      spawn({
        FLOTILLA_OTA_PORT: '70000',
        FLOTILLA_DATABASE: 'mysql://x',
        FLOTILLA_ARTIFACTS_DIR: 'relative',
        FLOTILLA_CLICKHOUSE_URL: '',
      }),
    );
    expect(code).toBe(2);
    for (const name of ['OTA_PORT', 'DATABASE', 'ARTIFACTS_DIR', 'CLICKHOUSE_URL']) {
      expect(stderr).toContain(`FLOTILLA_${name}`);
    }
  });

  it.each([
    ['FLOTILLA_TUF_ROOT_FILE', 'nothing', 'not JSON'],
    [
      'FLOTILLA_TUF_ROOT_FILE',
      offline.pinnedRoot.replace('"version":1', '"version":2'),
      'is signed by 0',
    ],
    ['FLOTILLA_DEVICE_TOKEN_KEY_FILE', generateEd25519().publicKeyPem, 'private key'],
    ['FLOTILLA_OPERATOR_TOKEN_FILE', 'short\n', '16 or more'],
    ['FLOTILLA_OPERATOR_TOKEN_FILE', null, 'ENOENT'],
  ])('refuses a bad %s', async (variable, content, why) => {
    const file = join(folder, 'secret');
    if (content !== null) await writeFile(file, content);
    const { code, stderr } = await endOf(spawn({ [variable]: file }));
    expect(code).toBe(2);
    expect(stderr).toContain(variable);
    expect(stderr).toContain(why);
  });
});
