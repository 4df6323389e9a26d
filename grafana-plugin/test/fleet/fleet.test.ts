import type { DeviceView } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { filterFleet } from '../../src/fleet/fleet-filter.ts';
import { worstFirst } from '../../src/fleet/fleet-order.ts';
import { STATUSES_WORST_FIRST, statusOf } from '../../src/fleet/health-of.ts';
import { versionSpread } from '../../src/fleet/version-spread.ts';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const fleet = storyFleet(NOW).devices;
const ids = (devices: readonly DeviceView[]) => devices.map(({ id }) => id);

describe('worstFirst', () => {
  it('shows critical, degraded, unknown, then the healthy by score', () => {
    expect(ids(worstFirst(fleet)).slice(0, 5)).toEqual([
      'device-07',
      'device-04',
      'device-09',
      'device-10',
      'device-03',
    ]);
  });

  it('puts a healthy device with a failed update before healthy ones without', () => {
    const failed = { ...fleet[7]!, id: 'device-99', lastUpdate: fleet[8]!.lastUpdate };
    const healthy = [...fleet, failed].filter((device) => statusOf(device) === 'healthy');
    expect(ids(worstFirst(healthy))[0]).toBe('device-99');
  });

  it('puts retired devices last, however bad', () => {
    const retired = { ...fleet[6]!, lifecycle: 'retired' as const };
    expect(ids(worstFirst([retired, ...fleet.slice(0, 3)])).at(-1)).toBe(retired.id);
  });

  it('does not let noise below a point shuffle rows', () => {
    const at = (id: string, score: number): DeviceView => ({
      ...fleet[0]!,
      id,
      health: { ...fleet[0]!.health!, score },
    });
    expect(ids(worstFirst([at('b', 98.1), at('a', 98.3)]))).toEqual(['a', 'b']);
  });

  it('orders ids by their numbers', () => {
    const same = ['node-10', 'node-9'].map((id) => ({ ...fleet[0]!, id }));
    expect(ids(worstFirst(same))).toEqual(['node-9', 'node-10']);
  });

  it('leaves its input alone', () => {
    const before = ids(fleet);
    worstFirst(fleet);
    expect(ids(fleet)).toEqual(before);
  });
});

describe('health', () => {
  it('takes a device without data for unknown, never healthy', () => {
    expect(statusOf({ health: null })).toBe('unknown');
    expect(STATUSES_WORST_FIRST).toEqual(['critical', 'degraded', 'unknown', 'healthy']);
  });
});

describe('filterFleet', () => {
  it.each([
    ['', 10],
    ['  ', 10],
    ['device-07', 1],
    ['LISBON', 4],
    ['lisbon 1.1.0', 4],
    ['rolled back', 1],
    ['no firmware', 1],
    ['critical', 1],
    ['nothing like this', 0],
  ])('"%s" leaves %d', (text, n) => {
    expect(filterFleet(fleet, { text, status: null })).toHaveLength(n);
  });

  it('narrows by status', () => {
    expect(ids(filterFleet(fleet, { text: 'oslo', status: 'unknown' }))).toEqual([
      'device-09',
      'device-10',
    ]);
  });
});

describe('versionSpread', () => {
  it('counts every device once, newest first, devices without firmware last', () => {
    const spread = versionSpread(fleet);
    expect(spread.map(({ version, devices }) => [version, devices])).toEqual([
      ['1.3.0', 1],
      ['1.1.0', 7],
      ['1.0.0', 1],
      [null, 1],
    ]);
    expect(spread.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('is empty for an empty fleet', () => {
    expect(versionSpread([])).toEqual([]);
  });
});
