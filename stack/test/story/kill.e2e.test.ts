import { afterEach, describe, expect, it } from 'vitest';
import { gatherEvidence } from '../../src/story/evidence.ts';
import { playStory } from '../../src/story/story.ts';
import { openTheatre } from '../../src/story/theatre.ts';
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
    const result = await playStory(theatre.stage, async (point) => {
      if (point === 'first-firmware') await kill('collector');
      if (point === 'second-firmware') {
        await kill('pipeline');
        for (const { processName } of members.slice(0, 3)) await kill(processName);
        await kill('ota-service');
      }
      if (point === 'third-firmware') {
        await kill('collector');
        await kill('pipeline');
        await kill('ota-service');
      }
    });
    const evidence = await gatherEvidence(theatre, result);
    expect(killed).toHaveLength(9);
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
