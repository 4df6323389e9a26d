import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceAgent } from '../../src/device-agent.ts';
import type { SlotName } from '../../src/slots/domain/slot-state.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { DEFAULT_UPDATE_SETTINGS, type ImageSettings } from '../../src/update-settings.ts';
import { AgentBench, freePort } from '../agent-bench.ts';

const SLOT_BYTES = 512 * 1024;

let bench: AgentBench;
let image: Buffer;
let watchdogPath: string;
beforeEach(async () => {
  bench = await AgentBench.create();
  image = randomBytes(400_000);
  watchdogPath = join(bench.dir, 'watchdog');
  for (const slot of ['a', 'b']) {
    writeFileSync(join(bench.dir, `slot-${slot}`), Buffer.alloc(SLOT_BYTES));
  }
});
afterEach(() => bench.dispose());

/** An agent in the system of a slot, as after a boot; `reboots` counts what it asks for. */
async function bootInto(booted: SlotName, change: Partial<ImageSettings> = {}) {
  const at = (name: string) => ({ path: join(bench.dir, name), offsetBytes: 0 });
  const settings: ImageSettings = {
    devices: { a: join(bench.dir, 'slot-a'), b: join(bench.dir, 'slot-b') },
    booted,
    factoryVersion: '1.0.0',
    environment: { loader: 'uboot', locations: [at('env-1'), at('env-2')], sizeBytes: 4096 },
    rebootCommand: ['/bin/touch', join(bench.dir, 'rebooted')],
    health: null,
    ...change,
  };
  const update = { ...DEFAULT_UPDATE_SETTINGS, watchdogPath };
  const tuning = { ...FAST_TUNING, minStartMs: 500 };
  return bench.start({ image: settings, update, tuning, trialMs: 200 });
}

async function rebooted(agent: DeviceAgent): Promise<void> {
  await expect.poll(() => existsSync(join(bench.dir, 'rebooted'))).toBe(true);
  await agent.stop();
}

async function updateToReboot(): Promise<void> {
  const agent = await bootInto('a');
  bench.server.offer = bench.server.deployment({
    version: '2.0.0',
    artifact: image,
    release: { version: '2.0.0', format: 'image' },
  });
  await rebooted(agent);
  rmSync(join(bench.dir, 'rebooted'));
  const slot = readFileSync(join(bench.dir, 'slot-b')).subarray(0, image.length);
  expect(slot.equals(image)).toBe(true);
}

describe('a device whose slots are whole systems', () => {
  it('writes the other one, has the machine restarted, and confirms it from within', async () => {
    await updateToReboot();
    await bootInto('b');
    const report = await bench.finalReport();
    expect(report).toMatchObject({
      state: 'confirmed',
      fromVersion: '1.0.0',
      toVersion: '2.0.0',
    });
    await expect.poll(() => bench.server.polls.at(-1)?.runningVersion).toBe('2.0.0');
    expect(existsSync(join(bench.dir, 'rebooted'))).toBe(false);
  });

  it('restarts again when the new system is not well, with the watchdog left armed', async () => {
    await updateToReboot();
    const health = { kind: 'http', url: `http://127.0.0.1:${await freePort()}/` } as const;
    await rebooted(await bootInto('b', { health }));
    expect(readFileSync(watchdogPath, 'utf8')).not.toContain('V');
    // The boot loader has spent its tries and returns to the old one.
    await bootInto('a');
    expect(await bench.finalReport()).toMatchObject({
      state: 'rolled_back',
      reason: 'trial_unhealthy',
      fromVersion: '1.0.0',
    });
  });

  it('refuses a bundle', async () => {
    await bootInto('a');
    const report = await bench.update({ version: '2.0.0', artifact: image });
    expect(report.state).toBe('failed');
  });
});
