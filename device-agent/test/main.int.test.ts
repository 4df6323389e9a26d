import { fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TEST_MODEL, TEST_TOKEN } from '../src/testing/fake-ota-server.ts';
import { AgentBench, freePort } from './agent-bench.ts';

const ENTRY = fileURLToPath(new URL('../src/main.ts', import.meta.url));

let bench: AgentBench;
let environment: Record<string, string>;
let children: ChildProcess[];
beforeEach(async () => {
  bench = await AgentBench.create();
  children = [];
  const files = join(bench.dir, 'given');
  mkdirSync(files);
  writeFileSync(join(files, 'token'), `${TEST_TOKEN}\n`);
  writeFileSync(join(files, 'root.json'), bench.server.pinnedRoot);
  environment = {
    PATH: process.env.PATH ?? '',
    FLOTILLA_DEVICE_ID: 'device-01',
    FLOTILLA_DEVICE_MODEL: TEST_MODEL,
    FLOTILLA_DEVICE_DIR: join(bench.dir, 'device'),
    FLOTILLA_DEVICE_TOKEN_FILE: join(files, 'token'),
    FLOTILLA_OTA_URL: bench.server.url,
    // Nobody listens there: a device starts without its collector.
    FLOTILLA_COLLECTOR_URL: `http://127.0.0.1:${await freePort()}`,
    FLOTILLA_TUF_ROOT_FILE: join(files, 'root.json'),
    FLOTILLA_FIRMWARE_PORT: String(await freePort()),
  };
});
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
  await bench.dispose();
});

function launch(change: Record<string, string> = {}): ChildProcess & { log: () => string } {
  const child = fork(ENTRY, [], {
    env: { ...environment, ...change },
    execPath: process.execPath,
    execArgv: [],
    silent: true,
  });
  children.push(child);
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return Object.assign(child, { log: () => text });
}

async function exitOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null)
    return child.exitCode ?? child.signalCode;
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

it('starts without firmware, says where it will serve, polls, and stops with code 0', async () => {
  const agent = launch();
  const message = await new Promise((resolve) => agent.once('message', resolve));
  expect(message).toEqual({
    type: 'ready',
    name: 'device-agent',
    addresses: { firmware: `http://127.0.0.1:${environment.FLOTILLA_FIRMWARE_PORT}` },
  });
  await expect
    .poll(() => bench.server.polls.at(-1))
    .toMatchObject({ runningVersion: null, runningSha256: null });
  const second = launch();
  expect(await exitOf(second)).toBe(1);
  expect(second.log()).toContain('is in use by process');
  agent.kill('SIGTERM');
  expect(await exitOf(agent)).toBe(0);
  expect(agent.log()).not.toContain(TEST_TOKEN);
});

it('names every wrong setting at once and exits with code 2', async () => {
  const agent = launch({
    FLOTILLA_OTA_URL: 'ftp://x',
    FLOTILLA_TRIAL_BOOTS: '0',
    FLOTILLA_DEVICE_ID: '',
  });
  expect(await exitOf(agent)).toBe(2);
  for (const name of ['FLOTILLA_OTA_URL', 'FLOTILLA_TRIAL_BOOTS', 'FLOTILLA_DEVICE_ID']) {
    expect(agent.log()).toContain(name);
  }
});

it('does not start with a root that does not sign itself', async () => {
  const root = bench.server.pinnedRoot.replace('"version":1', '"version":2');
  writeFileSync(join(bench.dir, 'given', 'root.json'), root);
  const agent = launch();
  expect(await exitOf(agent)).toBe(2);
  expect(agent.log()).toContain('FLOTILLA_TUF_ROOT_FILE');
});
