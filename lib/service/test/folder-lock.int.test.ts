import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderInUseError, FolderLock } from '../src/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MODULE = new URL('../src/folder-lock.ts', import.meta.url).href;

/** Another process that takes the lock, says so and waits. */
async function holder() {
  const script = `
    const { FolderLock } = await import(${JSON.stringify(MODULE)});
    globalThis.lock = FolderLock.acquire(${JSON.stringify(folder)}, process.pid);
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('FolderLock', () => {
  it('refuses a folder another process holds and names that process', async () => {
    const child = await holder();
    expect(() => FolderLock.acquire(folder, process.pid)).toThrow(FolderInUseError);
    expect(() => FolderLock.acquire(folder, process.pid)).toThrow(String(child.pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('is free again after its holder was killed', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    FolderLock.acquire(folder, process.pid).release();
  });

  it('can be taken again after a release', () => {
    FolderLock.acquire(folder, process.pid).release();
    FolderLock.acquire(folder, process.pid).release();
  });
});
