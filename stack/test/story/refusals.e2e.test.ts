import { readFileSync } from 'node:fs';
import { generateEd25519, readPrivateKey } from '@flotilla/signing';
import {
  fromDocument,
  readMetadata,
  toDocument,
  withSignature,
  writeMetadata,
} from '@flotilla/trust';
import type { FirmwareView, UpdateReason } from '@flotilla/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publish } from '../../src/client/publish.ts';
import { buildSensorBundle, SENSOR_MODEL } from '../../src/firmware/sensor.ts';
import { Shutdown } from '../../src/shutdown.ts';
import { readDeviceDisk } from '../../src/story/device-disk.ts';
import { runningVersion } from '../../src/story/story.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { waitUntil } from '../../src/story/wait-until.ts';
import { HostileNetwork, sha256, type Attack } from '../../src/testing/hostile-network.ts';

const STEP_TIMEOUT_MS = 90_000;

/** An attacker in ota-service's place knows everything but the targets key. */
describe('what a device refuses', () => {
  const shutdown = new Shutdown();
  let theatre: Theatre;
  let network: HostileNetwork;
  let first: FirmwareView;
  let second: FirmwareView;

  const cases = ['tampered', 'wrong-key', 'truncated-delta', 'other-model'] as const;

  beforeAll(async () => {
    theatre = await openTheatre(shutdown, {
      say: console.log,
      stepTimeoutMs: STEP_TIMEOUT_MS,
      devices: cases.length,
      groupOf: (index) => cases[index] ?? 'none',
      beforeOta: async (otaUrl) => {
        network = await HostileNetwork.start(otaUrl);
        return network.url;
      },
    });
    shutdown.add(() => network.close());
    first = await released('1.0.0');
    const campaign = await theatre.api.createCampaign({
      name: 'First',
      firmwareId: first.id,
      phases: [{ percent: 100 }],
    });
    await ended(campaign.id, 'completed');
    second = await released('1.1.0');
    await waitUntil('the delta', STEP_TIMEOUT_MS, async () => {
      const { deltas } = await theatre.api.firmware(second.id);
      return deltas.some((d) => d.state === 'ready') ? true : null;
    });
  }, 240_000);
  afterAll(() => shutdown.run(), 60_000);

  async function released(version: '1.0.0' | '1.1.0'): Promise<FirmwareView> {
    const artifact = await buildSensorBundle(version);
    return publish(
      theatre.api,
      { model: SENSOR_MODEL, version, artifact },
      theatre.stage.targetsKey,
    );
  }

  async function ended(campaignId: string, wanted: 'completed' | 'paused'): Promise<void> {
    await waitUntil(`campaign ${wanted}`, STEP_TIMEOUT_MS, async () => {
      const { status } = await theatre.api.campaign(campaignId);
      return status === wanted ? status : null;
    });
  }

  /** Runs a campaign on the one device of a group under attack; gives back what its page says. */
  async function attacked(group: (typeof cases)[number], attack: Attack) {
    const member = theatre.members.find((m) => m.group === group)!;
    network.attack(member.id, attack);
    const before = await readDeviceDisk(member.dir);
    const campaign = await theatre.api.createCampaign({
      name: `Attack: ${group}`,
      firmwareId: second.id,
      groups: [group],
      phases: [{ percent: 100 }],
    });
    await ended(campaign.id, 'paused');
    const after = await readDeviceDisk(member.dir);
    const device = await theatre.api.device(member.id);
    const slot = before.currentSlot as 'a' | 'b';
    expect(after.currentSlot).toBe(slot);
    expect(after.artifactSha256[slot]).toBe(first.sha256);
    expect(await runningVersion(member.firmwareUrl)).toBe('1.0.0');
    expect(device.firmwareVersion).toBe('1.0.0');
    return device.updates[0]!;
  }

  const refused = (reason: UpdateReason) => ({
    state: 'failed',
    reason,
    toVersion: '1.1.0',
    detail: expect.stringMatching(/\w{3,}/) as string,
  });

  it('an artifact with one changed byte, under a digest that fits it', async () => {
    const full = await tampered();
    const update = await attacked('tampered', {
      deployment: (d) => ({
        ...d,
        delta: null,
        full: { ...d.full, encoding: 'identity', sha256: sha256(full), sizeBytes: full.length },
      }),
      transfer: (path, body) => (path.includes('/artifacts/') ? full : body),
    });
    expect(update).toMatchObject(refused('artifact_checksum_mismatch'));
  });

  async function tampered(): Promise<Buffer> {
    const artifact = await buildSensorBundle('1.1.0');
    const at = artifact.length >> 1;
    artifact.writeUInt8(artifact.readUInt8(at) ^ 1, at);
    return artifact;
  }

  it('targets signed by somebody else', async () => {
    const stranger = readPrivateKey(generateEd25519().privateKeyPem);
    const update = await attacked('wrong-key', {
      transfer: (path, body) => {
        if (!path.endsWith('.targets.json')) return body;
        const { signed } = toDocument(readMetadata('targets', body));
        const forged = fromDocument('targets', { signed, signatures: [] });
        return Buffer.from(writeMetadata(withSignature(forged, stranger)));
      },
    });
    // By its hash it is not what the snapshot names; no signature is even looked at.
    expect(update).toMatchObject(refused('metadata_invalid'));
  });

  it('a truncated delta, announced with the size and digest of what is left', async () => {
    let cut = Buffer.alloc(0);
    const update = await attacked('truncated-delta', {
      deployment: async (d) => {
        const answer = await fetch(new URL(d.delta!.path, theatre.addresses.console), {
          headers: { authorization: `Bearer ${deviceToken('truncated-delta')}` },
        });
        cut = Buffer.from(await answer.arrayBuffer());
        cut = cut.subarray(0, cut.length >> 1);
        return { ...d, delta: { ...d.delta!, sizeBytes: cut.length, sha256: sha256(cut) } };
      },
      transfer: (path, body) => (path.includes('/artifacts/') ? cut : body),
    });
    expect(update).toMatchObject(refused('delta_invalid'));
  });

  const deviceToken = (group: string) => {
    const member = theatre.members.find((m) => m.group === group)!;
    return readFileSync(`${member.dir}/device.token`, 'utf8').trim();
  };

  it('a target for another model, signed by the right key', async () => {
    const artifact = await buildSensorBundle('1.1.0');
    const pump = await publish(
      theatre.api,
      { model: 'pump-v2', version: '1.1.0', artifact },
      theatre.stage.targetsKey,
    );
    const update = await attacked('other-model', {
      deployment: (d) => ({ ...d, target: pump.target.path }),
    });
    expect(update).toMatchObject(refused('model_mismatch'));
  });
});
