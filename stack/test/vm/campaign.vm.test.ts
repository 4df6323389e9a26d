import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { publish } from '../../src/client/publish.ts';
import { Shutdown } from '../../src/shutdown.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { writeSlotImage, type SlotContents } from '../../vm/slot-image.ts';
import { buildVirtualDevice } from '../../vm/virtual-device.ts';
import { VirtualMachine } from '../../vm/virtual-machine.ts';
import { canRunVirtualDevice } from './can-run-virtual-device.ts';

const MODEL = 'virtual-x1';
const DEVICE = 'vm-01';
const BOOT_MS = 600_000;
const UPDATE_MS = 1_200_000;

/** The whole embedded stack with one virtual machine as its fleet. */
describe.skipIf(!canRunVirtualDevice())('a campaign on a virtual device', () => {
  const shutdown = new Shutdown();
  let dir: string;
  let theatre: Theatre;
  let machine: VirtualMachine;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'flotilla-vm-'));
    shutdown.add(() => rm(dir, { recursive: true, force: true }));
    theatre = await openTheatre(shutdown, {
      say: console.log,
      stepTimeoutMs: UPDATE_MS,
      devices: 0,
    });
    const { token } = await theatre.api.createDevice({ id: DEVICE, model: MODEL, group: 'vm' });
    const built = await buildVirtualDevice(
      dir,
      { version: '1.0.0' },
      {
        deviceId: DEVICE,
        model: MODEL,
        token,
        pinnedRoot: await readFile(theatre.folder.tufRoot, 'utf8'),
        otaUrl: theatre.addresses.console,
        collectorUrl: theatre.ledger.url,
        trialMs: 5000,
        trialBoots: 2,
        pollMs: 1000,
      },
    );
    machine = await VirtualMachine.powerOn({ ...built, accelerator: 'tcg' });
    shutdown.add(() => machine.cutPower());
    await machine.expect(/init: slot a version 1\.0\.0/, BOOT_MS);
  });
  afterAll(() => shutdown.run(), 60_000);

  async function startCampaign(contents: SlotContents): Promise<string> {
    const { version } = contents;
    const path = join(dir, `${version}.ext4`);
    await writeSlotImage(path, dir, contents);
    const artifact = await readFile(path);
    const firmware = await publish(
      theatre.api,
      { model: MODEL, version, artifact, format: 'image' },
      theatre.stage.targetsKey,
    );
    const phases = [{ percent: 100 }];
    const campaign = { name: version, firmwareId: firmware.id, phases };
    return (await theatre.api.createCampaign(campaign)).id;
  }

  const outcome = (campaign: string, expected: string) =>
    vi.waitFor(
      async () => {
        const outcomes = await theatre.warehouse.outcomes(campaign);
        expect(outcomes).toMatchObject([{ device: DEVICE, outcome: expected }]);
      },
      { timeout: UPDATE_MS, interval: 1000 },
    );

  it('warehouse: a good version is confirmed from the slot that GRUB started', async () => {
    const campaign = await startCampaign({ version: '1.1.0' });
    await machine.expect(/init: slot b version 1\.1\.0/, UPDATE_MS);
    await outcome(campaign, 'confirmed');
  });

  it('warehouse: a version that panics is rolled back by GRUB, and its campaign paused', async () => {
    const before = machine.console.length;
    const init = '#!/bin/busybox sh\necho bad init\nexit 1\n';
    const campaign = await startCampaign({ version: '1.2.0', init });
    const tried = await machine.expect(/loader: slot a, .* a trial\.\. 0/, UPDATE_MS, before);
    await machine.expect(/Kernel panic/, BOOT_MS, tried.end);
    await machine.expect(/init: slot b version 1\.1\.0/, BOOT_MS, tried.end);
    await outcome(campaign, 'rolled_back');
    await vi.waitFor(
      async () => expect((await theatre.api.campaign(campaign)).status).toBe('paused'),
      { timeout: 60_000, interval: 1000 },
    );
    const device = await theatre.api.device(DEVICE);
    expect(device.firmwareVersion).toBe('1.1.0');
  });
});
