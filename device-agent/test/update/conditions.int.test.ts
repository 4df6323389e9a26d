import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedHost } from '../../src/testing/scripted-firmware.ts';
import { firmwareBundle } from '../../src/testing/test-bundle.ts';
import { DEFAULT_UPDATE_SETTINGS, type UpdateSettings } from '../../src/update-settings.ts';
import { parseWindows } from '../../src/update/domain/maintenance-window.ts';
import { AgentBench } from '../agent-bench.ts';

const { preconditions } = DEFAULT_UPDATE_SETTINGS;
const patiently = { timeout: 20_000 };
const WEDNESDAY_NOON = Date.parse('2026-03-04T12:00:00Z');

let bench: AgentBench;
let nowMs: number;
let artifact: Buffer;
let hooksFolder: string;
beforeEach(async () => {
  bench = await AgentBench.create();
  artifact = await firmwareBundle('1.0.0');
  nowMs = WEDNESDAY_NOON;
  hooksFolder = join(bench.dir, 'hooks');
  mkdirSync(hooksFolder);
});
afterEach(() => bench.dispose());

async function start(settings: Partial<UpdateSettings>): Promise<void> {
  const update = { ...DEFAULT_UPDATE_SETTINGS, ...settings };
  await bench.start({ update }, { host: new ScriptedHost(), now: () => nowMs });
  bench.server.offer = bench.server.deployment({ version: '1.0.0', artifact });
}

function hook(name: string, script: string): void {
  writeFileSync(join(hooksFolder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(hooksFolder, name), 0o755);
}

const fetched = () =>
  bench.server.requests.filter(({ path }) => path === bench.server.offer?.full.path).length;

const waits = () =>
  bench.server.reports.filter(({ detail }) => detail?.startsWith('waits') === true);

async function waitVisibly(detail: RegExp): Promise<void> {
  await expect.poll(() => waits().map((report) => report.detail), patiently).toHaveLength(1);
  expect(waits()[0]).toMatchObject({ state: 'downloading' });
  expect(waits()[0]?.detail).toMatch(detail);
  const polls = bench.server.polls.length;
  await expect.poll(() => bench.server.polls.length, patiently).toBeGreaterThan(polls + 3);
  // Looked at again and again, told once.
  expect(waits()).toHaveLength(1);
}

describe('an update that waits', () => {
  it('for its window says so, keeps the offer, and goes on when the window opens', async () => {
    const downloadWindows = parseWindows('Wed 22:00-23:00');
    await start({ preconditions: { ...preconditions, downloadWindows } });
    await waitVisibly(/until 2026-03-04T22:00:00.000Z: outside the maintenance window/);
    expect(fetched()).toBe(0);
    expect(bench.telemetry.waits.at(-1)).toBe('window');
    nowMs = Date.parse('2026-03-04T22:00:01Z');
    expect((await bench.finalReport()).state).toBe('confirmed');
    expect(bench.telemetry.waits.at(-1)).toBeNull();
  });

  it('for its install window has everything there before', async () => {
    const installWindows = parseWindows('02:00-04:00');
    await start({ preconditions: { ...preconditions, installWindows } });
    await waitVisibly(/until 2026-03-05T02:00:00.000Z/);
    const requests = fetched();
    expect(requests).toBe(1);
    nowMs = Date.parse('2026-03-05T02:00:01Z');
    expect((await bench.finalReport()).state).toBe('confirmed');
    expect(fetched()).toBe(requests);
  });

  it('for its battery goes on once it charges', async () => {
    const supply = join(bench.dir, 'power/BAT0');
    mkdirSync(supply, { recursive: true });
    writeFileSync(join(supply, 'type'), 'Battery\n');
    writeFileSync(join(supply, 'capacity'), '20\n');
    writeFileSync(join(supply, 'status'), 'Discharging\n');
    const battery = { minPercent: 50, mustCharge: false };
    const powerSupplyFolder = join(bench.dir, 'power');
    await start({ preconditions: { ...preconditions, battery, powerSupplyFolder } });
    await waitVisibly(/the battery is at 20 %, below 50 %/);
    expect(bench.telemetry.waits.at(-1)).toBe('battery');
    expect(fetched()).toBe(0);
    writeFileSync(join(supply, 'status'), 'Charging\n');
    expect((await bench.finalReport()).state).toBe('confirmed');
  });

  it('for a hook that says not now goes on when it agrees', async () => {
    const idle = join(bench.dir, 'idle');
    hook('pre-install', `[ -e ${idle} ] || { echo the pump runs; exit 75; }`);
    await start({ hooks: { folder: hooksFolder, timeoutMs: 5_000 } });
    await waitVisibly(/the hook pre-install says not now: the pump runs/);
    expect(bench.telemetry.waits.at(-1)).toBe('hook');
    writeFileSync(idle, '');
    expect((await bench.finalReport()).state).toBe('confirmed');
  });

  it('is given back without a word when the offer ends', async () => {
    const downloadWindows = parseWindows('Wed 22:00-23:00');
    await start({ preconditions: { ...preconditions, downloadWindows } });
    await waitVisibly(/outside/);
    bench.server.offer = null;
    const polls = bench.server.polls.length;
    await expect.poll(() => bench.server.polls.length, patiently).toBeGreaterThan(polls + 2);
    nowMs = Date.parse('2026-03-04T22:00:01Z');
    await expect.poll(() => bench.server.polls.length, patiently).toBeGreaterThan(polls + 5);
    expect(bench.server.reports.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(fetched()).toBe(0);
  });
});

describe('a download under way', () => {
  it('ends when its offer is taken back', async () => {
    const pace = { ...DEFAULT_UPDATE_SETTINGS.pace, maxBytesPerSecond: 20_000 };
    await start({ pace });
    await expect.poll(fetched, patiently).toBe(1);
    bench.server.offer = null;
    const polls = bench.server.polls.length;
    await expect.poll(() => bench.server.polls.length, patiently).toBeGreaterThan(polls + 3);
    bench.server.offer = bench.server.deployment({
      version: '1.0.1',
      artifact: await firmwareBundle('1.0.1'),
      campaignId: 'cmp_000000000009',
    });
    // The device is free for another one, which it would not be while it downloads.
    await expect.poll(fetched, patiently).toBe(1);
    expect(bench.server.reports.some(({ state }) => state === 'failed')).toBe(false);
  });

  it('stops when its window closes, and waits with what it has', async () => {
    const downloadWindows = parseWindows('Wed 11:00-13:00');
    const pace = { ...DEFAULT_UPDATE_SETTINGS.pace, maxBytesPerSecond: 20_000 };
    await start({ pace, preconditions: { ...preconditions, downloadWindows } });
    await expect.poll(fetched, patiently).toBe(1);
    nowMs = Date.parse('2026-03-04T13:00:00Z');
    await waitVisibly(/until 2026-03-11T11:00:00.000Z/);
  });
});

describe('a hook', () => {
  it.each([
    ['pre-download', 'exit 1', /the hook pre-download exited with code 1/],
    ['pre-install', 'echo tank is open; exit 9', /exited with code 9: tank is open/],
    ['post-install', 'kill -9 $$', /SIGKILL/],
    ['pre-reboot', 'sleep 600', /ran over 300 ms/],
  ])('%s that fails refuses the update', async (name, script, detail) => {
    hook(name, script);
    await start({ hooks: { folder: hooksFolder, timeoutMs: 300 } });
    const report = await bench.finalReport();
    expect(report).toMatchObject({ state: 'failed', reason: 'hook_failed' });
    expect(report.detail).toMatch(detail);
  });
});
