import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDeviceDisk } from '../../src/story/device-disk.ts';
import { gatherEvidence, type Evidence } from '../../src/story/evidence.ts';
import { playStory, type StoryResult } from '../../src/story/story.ts';
import { openTheatre, type Theatre } from '../../src/story/theatre.ts';
import { Shutdown } from '../../src/shutdown.ts';
import { dashboardQueries } from './dashboard-queries.ts';

/** Ten agents, the whole stack, nothing simulated: asserted from warehouse, registry and disks apart. */
describe('the story on ten devices', () => {
  const shutdown = new Shutdown();
  let theatre: Theatre;
  let result: StoryResult;
  let evidence: Evidence;
  let canary: string;

  beforeAll(async () => {
    theatre = await openTheatre(shutdown, { say: console.log, stepTimeoutMs: 120_000 });
    result = await playStory(theatre.stage);
    evidence = await gatherEvidence(theatre, result);
    canary = evidence.rolledBack[0] ?? '';
  }, 300_000);
  afterAll(() => shutdown.run(), 60_000);

  it('warehouse: ten confirmed 1.1.0, one rolled 1.2.0 back, nobody else finished it', async () => {
    const good = await theatre.warehouse.outcomes(result.campaigns['1.1.0'].id);
    expect(good.map((o) => o.outcome)).toEqual(Array(10).fill('confirmed'));
    const bad = await theatre.warehouse.outcomes(result.campaigns['1.2.0'].id);
    expect(bad).toEqual([{ device: canary, outcome: 'rolled_back', reason: 'trial_crashed' }]);
  });

  it('registry: phases of 1, 1 and 8 devices confirmed; the bad one paused at its canary', async () => {
    const good = await theatre.api.campaign(result.campaigns['1.1.0'].id);
    expect(good.phases.map((p) => [p.devices, p.counts.confirmed, p.state])).toEqual([
      [1, 1, 'done'],
      [1, 1, 'done'],
      [8, 8, 'done'],
    ]);
    const bad = await theatre.api.campaign(result.campaigns['1.2.0'].id);
    expect(bad).toMatchObject({ status: 'paused', currentPhase: 1, exposedDevices: 1 });
    expect(bad.phases[0]).toMatchObject({ devices: 1, errorRate: 1, counts: { rolledBack: 1 } });
    expect(bad.phases[1]?.counts.started).toBe(0);
    const devices = await theatre.api.devices();
    expect(devices.map((d) => [d.lifecycle, d.firmwareVersion])).toEqual(
      Array(10).fill(['active', '1.1.0']),
    );
  });

  it('registry: the audit log tells every step and who took it', async () => {
    const events = await theatre.api.campaignEvents(result.campaigns['1.1.0'].id);
    expect(events.map((e) => e.event).sort()).toEqual(
      ['created', 'advanced', 'advanced', 'completed'].sort(),
    );
    const bad = await theatre.api.campaignEvents(result.campaigns['1.2.0'].id);
    const pause = bad.find((e) => e.event === 'auto_paused');
    expect(pause).toMatchObject({ actor: 'gate' });
    expect(pause?.evidence).not.toBeNull();
  });

  it('registry: the canary’s page says why', async () => {
    const device = await theatre.api.device(canary);
    expect(device.updates[0]).toMatchObject({
      state: 'rolled_back',
      reason: 'trial_crashed',
      fromVersion: '1.1.0',
      toVersion: '1.2.0',
    });
    expect(device.updates[0]?.detail).toBeTruthy();
  });

  it('disks: the running slot of all ten holds 1.1.0; only the canary ever wrote 1.2.0', async () => {
    const wanted = result.firmware['1.1.0'].sha256;
    for (const member of theatre.members) {
      const disk = await readDeviceDisk(member.dir);
      const running = disk.currentSlot === 'a' ? 'a' : 'b';
      expect(disk.artifactSha256[running], member.id).toBe(wanted);
    }
    expect(evidence.exposedOnDisk.every((id) => id === canary)).toBe(true);
  });

  it('updates went by delta, a fifth of the full image or less', () => {
    expect(evidence.confirmedByDelta).toBe(10);
    expect(evidence.deltaBytes).toBeLessThan(evidence.fullBytes / 5);
  });

  it('paused within ten seconds of the failure record', () => {
    expect(evidence.secondsToPause).toBeGreaterThanOrEqual(0);
    expect(evidence.secondsToPause).toBeLessThanOrEqual(10);
  });

  it('every acknowledged row is stored once', () => {
    expect(evidence.acknowledgedRows).toBeGreaterThan(1000);
    expect(evidence).toMatchObject({ lostRows: 0, doubledRows: 0 });
  });

  it('every device has a health score with its contributions', async () => {
    for (const { health, id } of await theatre.api.devices()) {
      expect(health, id).not.toBeNull();
      const lost = Object.values(health?.contributions ?? {}).reduce((a, b) => a + b, 0);
      expect(lost).toBeCloseTo(100 - (health?.score ?? 0), 6);
    }
  });

  it('every query of the dashboards returns rows', async () => {
    const [canary] = await theatre.warehouse.outcomes(result.campaigns['1.2.0'].id);
    const queries = dashboardQueries(result.campaigns['1.2.0'].id, canary?.device ?? '');
    for (const { name, query } of queries) {
      const rows = await theatre.warehouse.rows(query);
      expect(rows.length, name).toBeGreaterThan(0);
    }
  });
});
