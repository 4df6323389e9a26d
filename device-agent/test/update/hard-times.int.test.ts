import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DurableStep } from '../../src/disk/durable-step.ts';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle, type FirmwareKind } from '../../src/testing/test-bundle.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { DEFAULT_UPDATE_SETTINGS, type ImageSettings } from '../../src/update-settings.ts';
import { AgentBench } from '../agent-bench.ts';

const second = 'cmp_000000000002';
const patiently = { timeout: 30_000 };

let bench: AgentBench;
let host: ScriptedHost;
beforeEach(async () => {
  bench = await AgentBench.create();
  host = new ScriptedHost();
});
afterEach(() => bench.dispose());

async function offer(version: string, campaignId: string, kind: FirmwareKind = 'good') {
  const artifact = await firmwareBundle(version, kind);
  return bench.server.deployment({ version, artifact, campaignId });
}

async function morePolls(count: number): Promise<void> {
  const polls = bench.server.polls.length;
  await expect.poll(() => bench.server.polls.length, patiently).toBeGreaterThan(polls + count);
}

const hooksFolder = () => join(bench.dir, 'hooks');
function hook(name: string, script: string): void {
  mkdirSync(hooksFolder(), { recursive: true });
  writeFileSync(join(hooksFolder(), name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(hooksFolder(), name), 0o755);
}
const withHooks = () => ({
  update: { ...DEFAULT_UPDATE_SETTINGS, hooks: { folder: hooksFolder(), timeoutMs: 20_000 } },
});

describe('a disk that gets full', () => {
  /** Everything but the boot environment, which is written in place, needs room. */
  function disk(isFull: () => boolean): DurableStep {
    return async (name, write) => {
      if (isFull() && /^(journal|history|outbox|trust|slot):/.test(name)) {
        throw Object.assign(new Error(`no space left for ${name}`), { code: 'ENOSPC' });
      }
      await write();
    };
  }

  it('during a trial leaves the old firmware running, and the outcome is told once there is room', async () => {
    let isFull = false;
    const first = await bench.start({}, { host, step: disk(() => isFull) });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    bench.server.offer = await offer('1.1.0', second, 'unhealthy');
    await expect.poll(() => host.starts.at(-1), patiently).toBe('1.1.0');
    isFull = true;
    // The agent may fall with the trial; whoever supervises it starts it until the loader gives up on it.
    await first.done.catch(() => undefined);
    for (let boots = 0; boots < 4 && host.starts.at(-1) !== '1.0.0'; boots += 1) {
      const agent = await bench.start({}, { host, step: disk(() => isFull) });
      await Promise.race([
        agent.done.catch(() => undefined),
        expect.poll(() => host.starts.at(-1), patiently).toBe('1.0.0'),
      ]);
    }
    await morePolls(3);
    expect(bench.server.polls.at(-1)?.runningVersion).toBe('1.0.0');
    isFull = false;
    expect((await bench.finalReport(second)).state).toBe('rolled_back');
    expect(host.starts.at(-1)).toBe('1.0.0');
  });

  it('before an offer is taken ends neither agent nor firmware', async () => {
    let isFull = false;
    await bench.start({}, { host, step: disk(() => isFull) });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    await morePolls(1);
    isFull = true;
    bench.server.offer = await offer('1.1.0', second);
    await morePolls(3);
    expect(host.starts).toEqual(['1.0.0']);
    isFull = false;
    expect((await bench.finalReport(second)).state).toBe('confirmed');
  });
});

describe('an order back', () => {
  it('is obeyed once: repeated later it undoes nothing', async () => {
    await bench.start({}, { host });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    bench.server.offer = await offer('1.1.0', second);
    expect((await bench.finalReport(second)).state).toBe('confirmed');
    bench.server.offer = null;
    bench.server.rollback = { campaignId: second, phase: 1, round: 1, fromVersion: '1.1.0' };
    const runs = () => bench.server.polls.at(-1)?.runningVersion;
    await expect.poll(runs, patiently).toBe('1.0.0');
    bench.server.offer = await offer('1.1.0', 'cmp_000000000003');
    expect((await bench.finalReport('cmp_000000000003')).state).toBe('confirmed');
    await morePolls(4);
    expect(runs()).toBe('1.1.0');
  });
});

describe('an offer that ends late', () => {
  it('while the slot is completed arms nothing', async () => {
    hook(
      'post-install',
      `touch ${join(bench.dir, 'installed')}; while [ -e ${join(bench.dir, 'hold')} ]; do sleep 0.02; done`,
    );
    await bench.start(withHooks(), { host });
    await bench.update({ version: '1.0.0', artifact: await firmwareBundle('1.0.0') });
    rmSync(join(bench.dir, 'installed'));
    writeFileSync(join(bench.dir, 'hold'), '');
    bench.server.offer = await offer('1.1.0', second);
    await expect.poll(() => existsSync(join(bench.dir, 'installed')), patiently).toBe(true);
    bench.server.offer = null;
    rmSync(join(bench.dir, 'hold'));
    await morePolls(3);
    expect(host.starts).toEqual(['1.0.0']);
    expect(
      bench.server.reports.some(
        ({ campaignId, state }) => campaignId === second && state === 'failed',
      ),
    ).toBe(false);
  });

  it('goes on in its new form when the server has encoded it anew', async () => {
    hook('pre-install', `[ -e ${join(bench.dir, 'go')} ] || exit 75`);
    await bench.start(withHooks(), { host });
    const artifact = await firmwareBundle('1.0.0');
    bench.server.offer = bench.server.deployment({ version: '1.0.0', artifact });
    const old = bench.server.offer.full.path;
    const asked = (path: string) => bench.server.requests.filter((r) => r.path === path).length;
    await expect.poll(() => asked(old), patiently).toBe(1);
    bench.server.offer = bench.server.deployment({ version: '1.0.0', artifact, encoding: 'zstd' });
    bench.server.faults.set(old, { status: 404 });
    writeFileSync(join(bench.dir, 'go'), '');
    expect((await bench.finalReport()).state).toBe('confirmed');
  });
});

it('what a hook says reaches any database: no control characters, no end in the middle', async () => {
  hook(
    'pre-download',
    `printf 'tank\\000 is \\033[1mopen '; head -c 2000 /dev/zero | tr '\\000' x; exit 9`,
  );
  await bench.start(withHooks(), { host });
  bench.server.offer = await offer('1.0.0', second);
  const { detail = '' } = await bench.finalReport(second);
  expect(detail).toMatch(/exited with code 9: tank {1,2}is {1,2}\[1mopen x+$/);
  expect(detail).toHaveLength(1000);
});

describe('a journal in the words of another version', () => {
  it('costs a download under way its beginnings, and nothing else', async () => {
    hook('pre-install', `[ -e ${join(bench.dir, 'go')} ] || exit 75`);
    const first = await bench.start(withHooks(), { host });
    bench.server.offer = await offer('1.0.0', second);
    const path = join(bench.dir, 'journal.json');
    const journal = () =>
      JSON.parse(readFileSync(path, 'utf8')) as {
        phase: string;
        attempt: { deployment: object; trialFailure: unknown };
      };
    await expect.poll(() => existsSync(path) && journal().phase, patiently).toBe('DOWNLOADING');
    await first.stop();
    const entry = journal();
    entry.attempt.deployment = { transfers: ['as a later version has them'] };
    entry.attempt.trialFailure = { reason: 'a_later_reason', detail: 'not known here' };
    writeFileSync(path, JSON.stringify(entry));
    writeFileSync(join(bench.dir, 'go'), '');
    await bench.start(withHooks(), { host });
    expect((await bench.finalReport(second)).state).toBe('confirmed');
    expect(existsSync(`${path}.corrupt`)).toBe(false);
  });
});

describe('an agent that restarts without its machine', () => {
  function countedStarts(): number {
    const text = readFileSync(join(bench.dir, 'journal.json'), 'utf8');
    return (JSON.parse(text) as { attempt: { starts: number } }).attempt.starts;
  }

  async function start(booted: 'a' | 'b') {
    for (const slot of ['a', 'b']) {
      const file = join(bench.dir, `slot-${slot}`);
      if (!existsSync(file)) writeFileSync(file, Buffer.alloc(256 * 1024));
    }
    const at = (name: string) => ({ path: join(bench.dir, name), offsetBytes: 0 });
    const image: ImageSettings = {
      devices: { a: join(bench.dir, 'slot-a'), b: join(bench.dir, 'slot-b') },
      booted,
      factoryVersion: '1.0.0',
      environment: { loader: 'uboot', locations: [at('env-1'), at('env-2')], sizeBytes: 4096 },
      rebootCommand: [],
      health: null,
    };
    let reboots = 0;
    const reboot = async () => {
      reboots += 1;
    };
    const agent = await bench.start({ image, tuning: FAST_TUNING, trialMs: 60_000 }, { reboot });
    return { agent, reboots: () => reboots };
  }

  it('asks for the restart again instead of calling the trial failed, and tells an image that kills it', async () => {
    const first = await start('a');
    bench.server.offer = bench.server.deployment({
      version: '2.0.0',
      artifact: randomBytes(100_000),
      release: { format: 'image' },
    });
    await expect.poll(first.reboots, patiently).toBe(1);
    await first.agent.stop();
    const again = await start('a');
    await expect.poll(again.reboots, patiently).toBe(1);
    await again.agent.stop();
    expect(bench.server.reports.map(({ state }) => state)).not.toContain('rolled_back');
    // In the new system the agent dies over and over before the trial is decided.
    let asked = 0;
    for (let starts = 0; starts < 30 && asked === 0; starts += 1) {
      const before = countedStarts();
      const { agent, reboots } = await start('b');
      const isCounted = () => countedStarts() > before || reboots() > 0;
      await expect.poll(isCounted, patiently).toBe(true);
      await agent.stop();
      asked = reboots();
    }
    expect(asked).toBe(1);
    await start('a');
    expect(await bench.finalReport()).toMatchObject({
      state: 'rolled_back',
      reason: 'trial_crashed',
    });
  });
});
