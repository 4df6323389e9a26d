import type * as FsPromises from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { AgentBench } from '../agent-bench.ts';

type Operation = 'read' | 'write';

/** The error code that an operation on a path fails with, null when the disk is well. */
type FaultOf = (operation: Operation, path: string) => string | null;
const disk = vi.hoisted<{ faultOf: FaultOf }>(() => ({ faultOf: () => null }));
vi.mock('node:fs/promises', async (importActual) => {
  const actual = await importActual<typeof FsPromises>();
  const check = (operation: 'read' | 'write', path: unknown) => {
    const code = disk.faultOf(operation, String(path));
    if (code !== null) throw Object.assign(new Error(`${code}: ${String(path)}`), { code });
  };
  const failing =
    <A extends [unknown, ...unknown[]], R>(
      operation: 'read' | 'write',
      call: (...args: A) => Promise<R>,
    ) =>
    async (...args: A): Promise<R> => {
      check(operation, args[0]);
      return call(...args);
    };
  return {
    ...actual,
    readFile: failing('read', actual.readFile as (path: string) => Promise<unknown>),
    symlink: failing('write', actual.symlink),
    rename: failing('write', actual.rename),
    open: async (path: string, flags: string | number, mode?: number) => {
      const isRead = flags === 'r' || (typeof flags === 'number' && (flags & 3) === 0);
      check(isRead ? 'read' : 'write', path);
      return actual.open(path, flags, mode);
    },
  };
});

const second = 'cmp_000000000002';
const patiently = { timeout: 30_000 };

let bench: AgentBench;
beforeEach(async () => {
  bench = await AgentBench.create();
});
afterEach(async () => {
  disk.faultOf = () => null;
  await bench.dispose();
});

const start = () => bench.start({}, { host: new ScriptedHost() });
const runs = () => bench.server.polls.at(-1)?.runningVersion;

async function update(version: string, campaignId: string, round = 1) {
  const artifact = await firmwareBundle(version);
  return bench.update({ version, artifact, campaignId, round });
}

/** What fails: an operation below a folder of the device. */
function failing(code: string, operation: Operation, ...folder: string[]): void {
  const below = join(bench.dir, ...folder);
  disk.faultOf = (asked, path) => (asked === operation && path.startsWith(below) ? code : null);
}

it.each(['EIO', 'EROFS'])(
  'whose free slot answers %s to a write refuses the update with the reason, and takes it later',
  async (code) => {
    await start();
    await update('1.0.0', 'cmp_000000000001');
    failing(code, 'write', 'slots/b');
    const report = await update('1.1.0', second);
    expect(report).toMatchObject({ state: 'failed', reason: 'slot_write_failed' });
    expect(report.detail).toContain(code);
    disk.faultOf = () => null;
    expect((await update('1.1.0', second, 2)).state).toBe('confirmed');
    await expect.poll(runs, patiently).toBe('1.1.0');
  },
);

it('that cannot read the slot it boots starts the other one', async () => {
  const agent = await start();
  await update('1.0.0', 'cmp_000000000001');
  expect((await update('1.1.0', second)).state).toBe('confirmed');
  bench.server.offer = null;
  await agent.stop();
  failing('EIO', 'read', 'slots/b');
  await start();
  await expect.poll(runs, patiently).toBe('1.0.0');
});

it('that has become read-only runs its confirmed firmware, and tells the outcome once it takes writes', async () => {
  const agent = await start();
  await update('1.0.0', 'cmp_000000000001');
  bench.server.offer = null;
  await agent.stop();
  failing('EROFS', 'write');
  bench.server.offer = bench.server.deployment({
    version: '1.1.0',
    artifact: await firmwareBundle('1.1.0'),
    campaignId: second,
  });
  const polls = bench.server.polls.length;
  const again = await start();
  await Promise.race([
    again.done,
    expect.poll(() => bench.server.polls.length, patiently).toBeGreaterThan(polls + 3),
  ]);
  expect(runs()).toBe('1.0.0');
  disk.faultOf = () => null;
  expect((await bench.finalReport(second)).state).toBe('confirmed');
});
