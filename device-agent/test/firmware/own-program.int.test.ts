import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/firmware/own-program.ts';
import { processStartTime } from '../../src/firmware/process-identity.ts';

const patiently = { timeout: 20_000 };
const env = { PATH: '/usr/bin:/bin' };

let folder: string;
let strays: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-program-'));
  strays = [];
});
afterEach(() => {
  for (const pid of strays) if (processStartTime(pid) !== null) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function script(text: string): string {
  const path = join(folder, 'program');
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

function pidIn(file: string): number {
  const pid = Number(readFileSync(file, 'utf8'));
  strays.push(pid);
  return pid;
}

describe('a program of the device maker', () => {
  it('is over although a session of its own holds its output open', async () => {
    const lines: string[] = [];
    const pidFile = join(folder, 'pid');
    const escape = `setsid sh -c 'echo $$ > ${pidFile}; exec sleep 600' &`;
    const wait = `while [ ! -s ${pidFile} ]; do sleep 0.01; done`;
    const program = script(`${escape}\n${wait}\necho started\nexit 3`);
    const end = await runProgram(program, [], {
      env,
      timeoutMs: 600_000,
      onLine: (text) => lines.push(text),
    });
    expect(end).toEqual({ how: 3, isLate: false });
    expect(lines).toEqual(['started']);
    pidIn(pidFile);
  });

  it.each([
    ['when it ends', 'exit 0', 600_000, { how: 0, isLate: false }],
    ['when its time is over', 'sleep 600', 300, { isLate: true }],
  ])('takes what it started with it %s', async (_when, last, timeoutMs, expected) => {
    const pidFile = join(folder, 'pid');
    const wait = `while [ ! -s ${pidFile} ]; do sleep 0.01; done`;
    const program = script(`sh -c 'echo $$ > ${pidFile}; exec sleep 600' &\n${wait}\n${last}`);
    expect(await runProgram(program, [], { env, timeoutMs })).toMatchObject(expected);
    const pid = pidIn(pidFile);
    await expect.poll(() => processStartTime(pid), patiently).toBeNull();
  });

  it('that says more than a pipe holds is heard to its end, without being kept', async () => {
    let lines = 0;
    const program = script('yes "the same again" | head -c 4000000; echo; echo over');
    let last = '';
    const end = await runProgram(program, [], {
      env,
      timeoutMs: 600_000,
      onLine: (text) => {
        lines += 1;
        last = text;
      },
    });
    expect(end.how).toBe(0);
    expect(last).toBe('over');
    expect(lines).toBeGreaterThan(200_000);
  });

  it('that cannot be started says why', async () => {
    const end = await runProgram(join(folder, 'program', 'x'.repeat(5000)), [], {
      env,
      timeoutMs: 1_000,
    });
    expect(end.how).toMatch(/ENAMETOOLONG/);
  });
});
