import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  FakeOtaServer,
  TEST_MODEL,
  TEST_TOKEN,
} from '@flotilla/device-agent/src/testing/fake-ota-server.ts';
import { startFakeCollector, type FakeCollector } from '@flotilla/otlp-queue/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeSlotImage, type SlotContents } from '../../vm/slot-image.ts';
import { buildVirtualDevice } from '../../vm/virtual-device.ts';
import { VirtualMachine, type MachineOptions } from '../../vm/virtual-machine.ts';
import { canRunVirtualDevice } from './can-run-virtual-device.ts';

const BOOT_MS = 600_000;
const UPDATE_MS = 1_200_000;
/** From which on a cut may come, in turn: loader and kernel, download, the writing's end and the trial. */
const CUT_STAGES = [
  null,
  /"state":"\w+"/,
  /"state":"(installing|trial|confirmed|rolled_back)"/,
] as const;
/** Over which cuts are spread from there on: on an idle machine longer than the stage takes. */
const CUT_WINDOW_MS = 40_000;
const CUTS = Number(process.env.VM_CUTS ?? 6);
const CUTS_MS = CUTS * BOOT_MS + UPDATE_MS + 2 * BOOT_MS;

describe.skipIf(!canRunVirtualDevice())('a virtual device', () => {
  let dir: string;
  let ota: FakeOtaServer;
  let collector: FakeCollector;
  let built: Omit<MachineOptions, 'accelerator'>;
  let options: MachineOptions;
  let machine: VirtualMachine | null = null;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-vm-'));
    ota = await FakeOtaServer.start();
    ota.pollAfterMs = 1000;
    collector = await startFakeCollector();
    built = await buildVirtualDevice(
      dir,
      { version: '1.0.0' },
      {
        deviceId: 'vm-01',
        model: TEST_MODEL,
        token: TEST_TOKEN,
        pinnedRoot: ota.pinnedRoot,
        otaUrl: ota.url,
        collectorUrl: collector.url,
        trialMs: 5000,
        trialBoots: 2,
        pollMs: 1000,
      },
    );
  });
  afterAll(async () => {
    await ota.stop();
    await collector.close();
    await rm(dir, { recursive: true, force: true });
  });

  beforeEach(async () => {
    ota.offer = null;
    await leaveFactory();
  });
  afterEach(async () => {
    await machine?.cutPower();
    machine = null;
  });

  async function leaveFactory(): Promise<void> {
    options = { ...built, disk: join(dir, 'device.img'), accelerator: 'tcg' };
    await copyFile(built.disk, options.disk);
    ota.reports.length = 0;
  }

  async function powerOn(): Promise<VirtualMachine> {
    machine = await VirtualMachine.powerOn(options);
    return machine;
  }

  async function offer(contents: SlotContents): Promise<void> {
    const path = join(dir, `${contents.version}.ext4`);
    await writeSlotImage(path, dir, contents);
    ota.offer = ota.deployment({
      version: contents.version,
      artifact: await readFile(path),
      encoding: 'zstd',
      release: { format: 'image' },
    });
  }

  const states = () => ota.distinctReports.map((report) => report.state);
  const isOver = () => ['confirmed', 'rolled_back'].includes(states().at(-1) ?? '');
  const outcome = (state: string) =>
    vi.waitFor(() => expect(states()).toContain(state), { timeout: UPDATE_MS, interval: 500 });

  it('boots what the factory wrote, takes an update, and keeps it', async () => {
    await offer({ version: '1.1.0' });
    const first = await powerOn();
    await first.expect(/init: slot a version 1\.0\.0/, BOOT_MS);
    await first.expect(/init: slot b version 1\.1\.0/, UPDATE_MS);
    await outcome('confirmed');
    expect(states()).not.toContain('rolled_back');
    await first.cutPower();

    const again = await powerOn();
    await again.expect(/order B A, .*b good\.\.\./, BOOT_MS);
    await again.expect(/init: slot b version 1\.1\.0/, BOOT_MS);
  });

  it('returns to its firmware from one that cannot reach the collector', async () => {
    const agentEnvironment = { FLOTILLA_COLLECTOR_URL: 'http://10.0.2.99:4318' };
    await offer({ version: '1.3.0', agentEnvironment });
    const device = await powerOn();
    const { end } = await device.expect(/loader: slot b, order B A, .* b trial\.\. 1/, UPDATE_MS);
    const { end: last } = await device.expect(/loader: slot b, .* b trial\.\. 0/, BOOT_MS, end);
    await device.expect(/init: slot a version 1\.0\.0/, UPDATE_MS, last);
    await outcome('rolled_back');
    expect(states()).not.toContain('confirmed');
  });

  it('starts and goes on by itself wherever its power is cut', { timeout: CUTS_MS }, async () => {
    await offer({ version: '1.1.0' });
    const table: string[] = [];
    for (let cut = 1; cut <= CUTS; cut += 1) {
      if (isOver()) await leaveFactory();
      const device = await powerOn();
      const stage = CUT_STAGES[cut % CUT_STAGES.length] ?? null;
      // A cut before may have hit a device that was done and had not said so yet.
      const isThere = () => stage === null || stage.test(device.console) || isOver();
      await vi.waitFor(() => expect(isThere()).toBe(true), { timeout: UPDATE_MS, interval: 200 });
      const afterMs = Math.round(Math.random() * CUT_WINDOW_MS);
      await setTimeout(afterMs);
      await device.cutPower();
      const state = device.console.match(/"state":"\w+"/g)?.at(-1) ?? 'no update';
      const boots = device.console.match(/init: slot . version \S+/g) ?? [];
      table.push(`cut ${cut}: ${afterMs} ms, ${state}, ${boots.join(', ')}`);
    }
    console.log(table.join('\n'));

    const last = await powerOn();
    await last.expect(/init: slot (a version 1\.0\.0|b version 1\.1\.0)/, BOOT_MS);
    // A cut during a trial spends one of its boots: then the old version is the right end.
    await vi.waitFor(() => expect(isOver()).toBe(true), { timeout: UPDATE_MS, interval: 500 });
    const isNew = states().at(-1) === 'confirmed';
    await last.cutPower();
    const again = await powerOn();
    const slot = isNew ? /init: slot b version 1\.1\.0/ : /init: slot a version 1\.0\.0/;
    await again.expect(slot, BOOT_MS);
  });
});
