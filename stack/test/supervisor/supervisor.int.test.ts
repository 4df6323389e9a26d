import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Supervisor } from '../../src/supervisor/supervisor.ts';
import type { ProcessSpec } from '../../src/supervisor/managed-process.ts';

const entry = fileURLToPath(new URL('../../src/testing/child.ts', import.meta.url));
let folder = '';
let supervisor: Supervisor;
const exits: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-supervisor-'));
  exits.length = 0;
  supervisor = new Supervisor({ onUnexpectedExit: (name, how) => exits.push(`${name} ${how}`) });
});
afterEach(async () => {
  await supervisor.stopAll();
  rmSync(folder, { recursive: true, force: true });
});

const spec = (name: string, behaviour: string, stage = 1): ProcessSpec => ({
  name,
  stage,
  entry,
  environment: { BEHAVIOUR: behaviour },
  logFile: join(folder, `${name}.log`),
});
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('Supervisor', () => {
  it('tells the address a process announced', async () => {
    const { http } = await supervisor.start(spec('one', 'serve'));
    const answer = await fetch(http ?? '');
    expect(await answer.text()).toBe(String(supervisor.get('one').pid));
  });

  it('says where to look when a process ends before it serves', async () => {
    await expect(supervisor.start(spec('one', 'die'))).rejects.toThrow(
      /ended with code 7; see .*one\.log/,
    );
  });

  it('starts a killed process again and waits for it', async () => {
    await supervisor.start(spec('one', 'serve'));
    const child = supervisor.get('one');
    const first = child.pid!;
    child.kill('SIGKILL');
    await child.waitReady();
    expect(child.pid).not.toBe(first);
    expect(await (await fetch(child.addresses.http!)).text()).toBe(String(child.pid));
    expect(exits).toEqual(['one was ended by SIGKILL']);
  });

  it('survives being killed again and again', async () => {
    await supervisor.start(spec('one', 'serve'));
    const child = supervisor.get('one');
    for (let i = 0; i < 3; i++) {
      child.kill('SIGKILL');
      await child.waitReady();
    }
    expect(exits).toHaveLength(3);
    expect(alive(child.pid!)).toBe(true);
  });

  it('asks processes to stop and does not start them again', async () => {
    await supervisor.start(spec('one', 'serve', 1));
    await supervisor.start(spec('two', 'serve', 2));
    const pids = ['one', 'two'].map((name) => supervisor.get(name).pid!);
    await supervisor.stopAll();
    expect(pids.map(alive)).toEqual([false, false]);
    expect(exits).toEqual([]);
    await vi.waitFor(() =>
      expect(readFileSync(join(folder, 'two.log'), 'utf8')).toContain('asked to stop'),
    );
  });
});
