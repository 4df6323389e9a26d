import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CampaignView, FirmwareView } from '@flotilla/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publish } from '../../src/client/publish.ts';
import { Shutdown } from '../../src/shutdown.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { waitUntil } from '../../src/story/wait-until.ts';
import { buildSwu, createSigner, type SwuSigner } from './swu-image.ts';
import { startSwupdate, type SwupdateDevice } from './swupdate-device.ts';

const MODEL = 'swu-gateway';
const DEVICE = 'swu-gateway-1';
const STEP_MS = 60_000;

const missing = ['swupdate', 'cpio', 'openssl'].filter(
  (program) => spawnSync('which', [program]).status !== 0,
);
if (missing.length > 0 && process.env.CI === undefined) {
  console.warn(`skipped: apt-get install ${missing.join(' ')} for the tests with a real SWUpdate`);
}

describe.skipIf(missing.length > 0 && process.env.CI === undefined)(
  'a device that runs Debian’s SWUpdate',
  () => {
    const shutdown = new Shutdown();
    let theatre: Theatre;
    let folder: string;
    let slot: string;
    let signer: SwuSigner;
    let token: string;
    let device: SwupdateDevice | undefined;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'flotilla-swu-'));
      shutdown.add(() => rm(folder, { recursive: true, force: true }));
      slot = join(folder, 'slot');
      writeFileSync(slot, '');
      signer = createSigner(folder);
      theatre = await openTheatre(shutdown, {
        say: () => undefined,
        stepTimeoutMs: STEP_MS,
        devices: 0,
      });
      ({ token } = await theatre.api.createDevice({ id: DEVICE, model: MODEL, group: 'swu' }));
    });
    afterAll(async () => {
      await device?.stop();
      await shutdown.run();
    });

    const run = async (boot?: 'good' | 'bad'): Promise<void> => {
      await device?.stop();
      device = startSwupdate({
        folder: join(folder, 'run'),
        id: DEVICE,
        token,
        serverUrl: theatre.addresses.console,
        certificate: signer.certificate,
        ...(boot !== undefined && { boot }),
      });
    };

    const release = async (version: string, image: Uint8Array): Promise<FirmwareView> => {
      const artifact = buildSwu(folder, signer, version, image, slot);
      const { api, stage } = theatre;
      return publish(api, { model: MODEL, version, artifact, format: 'image' }, stage.targetsKey);
    };

    const campaign = (firmware: FirmwareView): Promise<CampaignView> =>
      theatre.api.createCampaign({
        name: `SWUpdate ${firmware.version}`,
        firmwareId: firmware.id,
        phases: [{ percent: 100 }],
      });

    const reaches = (id: string, status: CampaignView['status']): Promise<CampaignView> =>
      waitUntil(`campaign ${status}; ${device?.output().slice(-2000) ?? ''}`, STEP_MS, async () => {
        const view = await theatre.api.campaign(id);
        return view.status === status ? view : null;
      });

    const updateState = (state: string): Promise<true> =>
      waitUntil(
        `the update ${state}; ${device?.output().slice(-3000) ?? ''}`,
        STEP_MS,
        async () => {
          const { updates } = await theatre.api.device(DEVICE);
          return updates[0]?.state === state ? true : null;
        },
      );

    const outcomeOf = (id: string) =>
      waitUntil('the outcome in the warehouse', STEP_MS, async () => {
        const [outcome] = await theatre.warehouse.outcomes(id);
        return outcome ?? null;
      });

    it('installs an update of a campaign, boots it, and confirms', async () => {
      const image = randomBytes(300_000);
      const firmware = await release('1.1.0', image);
      const { id } = await campaign(firmware);
      await run();
      await updateState('trial');
      expect(readFileSync(slot).equals(image)).toBe(true);
      // The device has booted what it installed, and found it good.
      await run('good');
      await reaches(id, 'completed');
      expect(await outcomeOf(id)).toMatchObject({ device: DEVICE, outcome: 'confirmed' });
      expect(await theatre.api.device(DEVICE)).toMatchObject({ firmwareVersion: '1.1.0' });
    });

    it('rolls back a bad one, which pauses its campaign', async () => {
      const { id } = await campaign(await release('1.2.0', randomBytes(1000)));
      await run();
      await updateState('trial');
      await run('bad');
      const paused = await reaches(id, 'paused');
      expect(paused.verdict?.words).toContain('1 of 1 canary devices rolled back');
      expect(await outcomeOf(id)).toMatchObject({ outcome: 'rolled_back' });
    });

    it('refuses what its own key did not sign, which pauses the campaign as failed', async () => {
      const foreign = join(folder, 'foreign');
      mkdirSync(foreign);
      const artifact = buildSwu(foreign, createSigner(foreign), '1.3.0', randomBytes(1000), slot);
      const before = readFileSync(slot);
      const { api, stage } = theatre;
      const firmware = await publish(
        api,
        { model: MODEL, version: '1.3.0', artifact, format: 'image' },
        stage.targetsKey,
      );
      const { id } = await campaign(firmware);
      await run();
      await reaches(id, 'paused');
      expect(await outcomeOf(id)).toMatchObject({ outcome: 'failed', reason: 'installer_failed' });
      expect(readFileSync(slot).equals(before)).toBe(true);
    });
  },
);
