import { describe, expect, it } from 'vitest';
import { fleetCounts, type AlikeDevices } from '../../../src/fleet/domain/fleet-counts.ts';

const row = (change: Partial<AlikeDevices>): AlikeDevices => ({
  model: 'cam',
  group: 'berlin',
  lifecycle: 'active',
  version: '1.0.0',
  devices: 10,
  ...change,
});

describe('fleetCounts', () => {
  it('adds up what is there, and leaves the retired out', () => {
    const counts = fleetCounts(
      [
        row({}),
        row({ group: 'oslo', version: '', lifecycle: 'provisioned', devices: 2 }),
        row({ lifecycle: 'maintenance', devices: 1 }),
        row({ lifecycle: 'retired', devices: 5 }),
      ],
      null,
      [],
    );
    expect(counts).toMatchObject({
      devices: 13,
      retired: 5,
      lifecycle: { provisioned: 2, active: 10, maintenance: 1 },
      health: null,
      versions: [
        { version: null, devices: 2 },
        { version: '1.0.0', devices: 11 },
      ],
      models: [{ model: 'cam', devices: 13 }],
    });
  });

  it('takes a device the warehouse says nothing of for unknown', () => {
    const byStatus = new Map([
      ['healthy', 6],
      ['critical', 1],
      ['unknown', 1],
    ] as const);
    expect(fleetCounts([row({})], byStatus, []).health).toEqual({
      critical: 1,
      degraded: 0,
      healthy: 6,
      unknown: 3,
    });
  });

  it('never counts below zero when the warehouse still knows devices that have gone', () => {
    const byStatus = new Map([['healthy', 12]] as const);
    expect(fleetCounts([row({})], byStatus, []).health).toMatchObject({ unknown: 0 });
  });

  it('puts devices in trouble to their groups', () => {
    const unwell = [
      { group: 'berlin', status: 'critical' },
      { group: 'berlin', status: 'degraded' },
      { group: 'berlin', status: 'degraded' },
    ] as const;
    expect(fleetCounts([row({}), row({ group: 'oslo' })], null, unwell).groups).toEqual([
      { group: 'berlin', devices: 10, critical: 1, degraded: 2 },
      { group: 'oslo', devices: 10, critical: 0, degraded: 0 },
    ]);
  });
});
