import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from '../src/client/api-client.ts';
import { waitUntil } from '../src/story/wait-until.ts';

const entry = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const READY_TIMEOUT_MS = 90_000;

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

function start(dataDir: string): Started {
  let text = '';
  const child = spawn(process.execPath, [entry], {
    env: {
      ...process.env,
      FLOTILLA_DATA_DIR: dataDir,
      FLOTILLA_CONSOLE_PORT: '0',
      FLOTILLA_COLLECTOR_PORT: '0',
      FLOTILLA_WAREHOUSE_HTTP_PORT: '0',
      FLOTILLA_DEVICES: '2',
    },
  });
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, output: () => text, exit };
}

/** The console address with its token, as a person would copy it from the terminal. */
async function ready(started: Started): Promise<{ url: string; token: string }> {
  return waitUntil(`ready; so far: ${started.output()}`, READY_TIMEOUT_MS, async () => {
    if (started.child.exitCode !== null) throw new Error(started.output());
    const match = /ready: (http:\S+)\/#token=(\S+)/.exec(started.output());
    return match === null ? null : { url: match[1] ?? '', token: match[2] ?? '' };
  });
}

/** Runs the command line; rejects with its exit code. */
async function command(args: readonly string[]): Promise<string> {
  const cli = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args]);
  return stdout;
}

describe('npm start', () => {
  let dataDir = '';
  beforeAll(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'flotilla-start-'));
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }));

  it('reaches ready, serves the console, refuses a second start, stops cleanly, keeps its data', async () => {
    const first = start(dataDir);
    const { url, token } = await ready(first);
    const api = new ApiClient(url, token);

    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<div id="root"');
    await waitUntil('the first firmware is confirmed', 60_000, async () => {
      const [campaign] = await api.campaigns();
      return campaign?.status === 'completed' ? campaign : null;
    });
    const ids = (await api.devices()).map((d) => d.id).sort();
    expect(ids).toEqual(['device-01', 'device-02']);

    const published = await command([
      'firmware',
      'publish-sample',
      '1.1.0',
      '--json',
      '--url',
      url,
      '--data',
      dataDir,
    ]);
    expect(JSON.parse(published)).toMatchObject({ version: '1.1.0', state: 'released' });
    await expect(
      command(['firmware', 'publish-sample', '9.9.9', '--data', dataDir]),
    ).rejects.toMatchObject({
      code: 2,
    });

    const second = start(dataDir);
    expect(await second.exit).toBe(3);
    expect(second.output()).toContain(`in use by process ${first.child.pid}`);
    expect(second.output()).toContain('FLOTILLA_DATA_DIR');

    first.child.kill('SIGINT');
    expect(await first.exit).toBe(0);
    expect(first.output()).toContain('stopped.');

    // As a start leaves it that was cut off after a registration, before its token was on disk.
    rmSync(join(dataDir, 'devices', 'device-02', 'device.token'));
    const again = start(dataDir);
    const later = await ready(again);
    expect(later.token).toBe(token);
    const sameApi = new ApiClient(later.url, later.token);
    expect((await sameApi.devices()).map((d) => [d.id, d.firmwareVersion]).sort()).toEqual([
      ['device-01', '1.0.0'],
      ['device-02', '1.0.0'],
    ]);
    expect(await sameApi.campaigns()).toHaveLength(1);
    again.child.kill('SIGTERM');
    expect(await again.exit).toBe(0);
    expect(readFileSync(join(dataDir, 'logs', 'device-01.log'), 'utf8')).not.toBe('');
  });

  it('leaves no process behind when it is killed itself', async () => {
    const started = start(dataDir);
    await ready(started);
    const children = childrenOf(started.child.pid ?? 0);
    expect(children.length).toBe(5);
    started.child.kill('SIGKILL');
    await waitUntil('every child is gone', 30_000, async () =>
      children.some((pid) => isAlive(pid)) ? null : true,
    );
  });
});

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
