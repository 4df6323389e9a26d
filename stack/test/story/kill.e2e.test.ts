import { afterEach, describe, expect, it } from 'vitest';
import { gatherEvidence } from '../../src/story/evidence.ts';
import { playStory } from '../../src/story/story.ts';
import { openTheatre } from '../../src/story/theatre.ts';
import { waitUntil } from '../../src/story/wait-until.ts';
import { Shutdown } from '../../src/shutdown.ts';

/** One process after the other is killed while each part of the story runs; all of it still happens. */
describe('the story under kill -9', () => {
  const shutdown = new Shutdown();
  afterEach(() => shutdown.run(), 60_000);

  it('completes, and every acknowledged row is stored once', { timeout: 420_000 }, async () => {
    const theatre = await openTheatre(shutdown, { say: console.log, stepTimeoutMs: 180_000 });
    const { supervisor, members } = theatre;
    const killed: string[] = [];
    const kill = async (name: string) => {
      const child = supervisor.get(name);
      const pid = child.pid;
      child.kill('SIGKILL');
      await child.waitReady();
      expect(child.pid, name).not.toBe(pid);
      killed.push(name);
    };
    const killOnTrial = async (version: string) => {
      const device = await waitUntil(`a device on trial with ${version}`, 60_000, async () => {
        const devices = await theatre.api.devices();
        const trying = ({ lastUpdate }: (typeof devices)[number]) =>
          lastUpdate?.state === 'trial' && lastUpdate.toVersion === version;
        return devices.find(trying) ?? null;
      });
      await kill(`agent ${device.id}`);
    };
    const result = await playStory(theatre.stage, async (point) => {
      if (point === 'first-firmware') await kill('collector');
      if (point === 'second-firmware') {
        await killOnTrial('1.1.0');
        await kill('pipeline');
        // Not the one on trial again: a second kill would use up its tries, and it would roll back.
        const others = members.map((m) => m.processName).filter((name) => !killed.includes(name));
        for (const name of others.slice(0, 3)) await kill(name);
        await kill('ota-service');
      }
      if (point === 'third-firmware') {
        await killOnTrial('1.2.0');
        await kill('collector');
        await kill('pipeline');
        await kill('ota-service');
      }
    });
    const evidence = await gatherEvidence(theatre, result);
    expect(killed).toHaveLength(11);
    expect(evidence).toMatchObject({
      lostRows: 0,
      doubledRows: 0,
      exposedDevices: 1,
      runningVersions: { '1.1.0': 10 },
    });
    expect(evidence.rolledBack).toHaveLength(1);
    expect(evidence.acknowledgedRows).toBeGreaterThan(1000);
    const outcomes = await theatre.warehouse.outcomes(result.campaigns['1.1.0'].id);
    expect(outcomes.map((o) => o.outcome)).toEqual(Array(10).fill('confirmed'));
  });
});
