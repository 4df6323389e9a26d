import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { mayTake } from '../../src/sqlite/group-lease.ts';
import { ownIdentity, processState } from '../../src/sqlite/holder-process.ts';

describe('mayTake', () => {
  const holder = { expiresAtMs: 100 };
  it.each([
    ['nobody holds it', undefined, 'unknown', 50, true],
    ['the holder is gone', holder, 'gone', 50, true],
    ['the holder lives', holder, 'alive', 50, false],
    ['the holder lives but renewed late', holder, 'alive', 500, false],
    ['an unseen holder renewed in time', holder, 'unknown', 100, false],
    ['an unseen holder expired', holder, 'unknown', 101, true],
  ] as const)('%s', (_, row, state, nowMs, expected) => {
    expect(mayTake(row, state, nowMs)).toBe(expected);
  });
});

describe('processState', () => {
  const own = ownIdentity(process.pid);

  it('knows itself, a later process with its pid, and another host', () => {
    expect(processState(own, own)).toBe('alive');
    expect(processState({ ...own, processStart: '1' }, own)).toBe('gone');
    expect(processState({ ...own, host: 'elsewhere' }, own)).toBe('unknown');
  });

  it('sees a process end', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const identity = ownIdentity(child.pid!);
    expect(processState(identity, own)).toBe('alive');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(processState(identity, own)).toBe('gone');
  });
});
