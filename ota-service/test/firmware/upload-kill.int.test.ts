import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firmwareViewSchema } from '@flotilla/contracts';
import { Upload } from 'tus-js-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { OPERATOR_TOKEN } from '../../src/testing/ota-harness.ts';

const ENTRY = fileURLToPath(new URL('../../src/testing/harness-process.ts', import.meta.url));
const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-upload-kill-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(ENTRY, [folder], { execArgv: ['--disable-warning=ExperimentalWarning'] });
  children.push(child);
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the service ended')));
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [{ url: string }];
  return { child, url: message.url };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function send(bytes: Buffer, options: ConstructorParameters<typeof Upload>[1]): Upload {
  const upload = new Upload(bytes, { headers, retryDelays: null, ...options });
  upload.start();
  return upload;
}

it('goes on after the service was killed, from bytes it had promised', async () => {
  const bytes = randomBytes(40 * 1024 * 1024);
  const first = await start();
  const failed = new Promise((resolve) => {
    let killed = false;
    const upload = send(bytes, {
      endpoint: `${first.url}/api/v1/uploads`,
      metadata: { model: 'board', version: '1.0.0', format: 'image' },
      chunkSize: 6 * 1024 * 1024,
      onChunkComplete: (_size, accepted) => {
        if (accepted < 18 * 1024 * 1024 || killed) return;
        killed = true;
        first.child.kill('SIGKILL');
      },
      onError: () => resolve(upload.url),
    });
  });
  const path = new URL((await failed) as string).pathname;
  // What a power cut might leave behind the promise: bytes that were never written.
  const [partial] = await readdir(join(folder, 'artifacts', 'partial'));
  await writeFile(join(folder, 'artifacts', 'partial', partial!), Buffer.alloc(5000), {
    flag: 'a',
  });

  const second = await start();
  const head = await fetch(`${second.url}${path}`, {
    method: 'HEAD',
    headers: { ...headers, 'tus-resumable': '1.0.0' },
  });
  const promised = Number(head.headers.get('upload-offset'));
  expect(promised).toBeGreaterThanOrEqual(18 * 1024 * 1024);
  await new Promise((resolve, reject) => {
    send(bytes, {
      endpoint: null,
      uploadUrl: `${second.url}${path}`,
      onSuccess: resolve,
      onError: reject,
    });
  });
  const answer = await fetch(`${second.url}${path}/firmware`, { method: 'POST', headers });
  const view = firmwareViewSchema.parse(await answer.json());
  expect(view.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  await vi.waitFor(async () => {
    expect(await readdir(join(folder, 'artifacts', 'partial'))).toEqual([]);
  });
});
