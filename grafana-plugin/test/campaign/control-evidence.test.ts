import type { CampaignEvent } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import { newestControl, shareInterval } from '../../src/campaign/control-evidence.ts';

const event = (at: string, evidence: CampaignEvent['evidence']): CampaignEvent => ({
  at,
  event: 'advanced',
  actor: 'gate',
  reason: '',
  evidence,
});
const control = (crashed: number) => ({
  updated: { devices: 10, crashed },
  control: { devices: 90, crashed: 1 },
  logE: 0,
  peakLogE: Math.log(7),
  logELimit: Math.log(50),
  isBreached: false,
});

describe('newestControl', () => {
  it('takes the newest decision that compared, whatever the order', () => {
    const events = [
      event('2026-01-01T00:00:00Z', { control: control(1) }),
      event('2026-01-03T00:00:00Z', { counts: {} }),
      event('2026-01-02T00:00:00Z', { control: control(2) }),
    ];
    const newest = newestControl(events);
    expect(newest).toMatchObject({ at: '2026-01-02T00:00:00Z', updated: { crashed: 2 } });
    expect(newest?.odds).toBeCloseTo(7);
    expect(newest?.oddsLimit).toBeCloseTo(50);
  });

  it('makes nothing of evidence of another shape', () => {
    const strange = [
      { control: {} },
      { control: { updated: { devices: 1 } } },
      { control: 3 },
      null,
    ];
    expect(newestControl(strange.map((e) => event('2026-01-01T00:00:00Z', e)))).toBeNull();
  });
});

describe('shareInterval', () => {
  it('is Wilson’s: wide for few devices, within 0 and 1, around the share', () => {
    const [low, high] = shareInterval({ devices: 10, crashed: 1 });
    expect(low).toBeCloseTo(0.0179, 3);
    expect(high).toBeCloseTo(0.4042, 3);
    expect(shareInterval({ devices: 0, crashed: 0 })).toEqual([0, 1]);
    expect(shareInterval({ devices: 5, crashed: 0 })[0]).toBe(0);
    expect(shareInterval({ devices: 5, crashed: 5 })[1]).toBeCloseTo(1);
  });
});
