import { campaignCreateSchema } from '@flotilla/contracts';
import { describe, expect, it } from 'vitest';
import {
  emptyForm,
  readForm,
  withFirmware,
  type CampaignForm,
} from '../../src/new-campaign/campaign-form.ts';
import { storyFleet } from '../../src/testing/fake-fleet.ts';

const firmware = storyFleet(0).firmware[3]!;
const filled = (change: Partial<CampaignForm> = {}): CampaignForm => ({
  ...withFirmware(emptyForm('Europe/Berlin'), firmware),
  ...change,
});
const campaignOf = (change: Partial<CampaignForm> = {}) => {
  const read = readForm(filled(change));
  if (!read.ok) throw new Error(read.troubles.map(({ detail }) => detail).join('; '));
  return read.campaign;
};
const troublesOf = (change: Partial<CampaignForm>) => {
  const read = readForm(filled(change));
  return read.ok ? [] : read.troubles.map(({ step }) => step);
};

describe('the form of a campaign', () => {
  it('asks for the contract’s defaults when nothing but the firmware was chosen', () => {
    const parsed = campaignCreateSchema.parse(campaignOf());
    expect(parsed).toEqual(
      campaignCreateSchema.parse({ name: 'sensor-a 1.3.0', firmwareId: firmware.id }),
    );
  });

  it('keeps a name that was typed', () => {
    expect(withFirmware({ ...emptyForm('UTC'), name: 'Mine' }, firmware).name).toBe('Mine');
  });

  it('reads units: percent as shares, minutes as milliseconds', () => {
    const campaign = campaignOf({ errorPercent: '2.5', soakMinutes: '1.5', deadlineMinutes: '10' });
    expect(campaign).toMatchObject({ errorThreshold: 0.025, soakMs: 90_000, deadlineMs: 600_000 });
  });

  it('reads lists by commas and spaces, and who is addressed', () => {
    const campaign = campaignOf({
      groups: 'berlin, lisbon oslo',
      selector: ' site=berlin ',
      versions: '1.0.0',
      dynamic: false,
    });
    expect(campaign.target).toEqual({
      groups: ['berlin', 'lisbon', 'oslo'],
      selector: 'site=berlin',
      versions: ['1.0.0'],
      dynamic: false,
    });
  });

  it('reads phases as shares or numbers, each with its own rest', () => {
    const phases = [
      { unit: 'count', amount: '5', soakMinutes: '60' },
      { unit: 'percent', amount: '100', soakMinutes: '' },
    ] as const;
    expect(campaignOf({ phases }).phases).toEqual([
      { count: 5, soakMs: 3_600_000 },
      { percent: 100 },
    ]);
  });

  it('reads a window, a rate, an approval', () => {
    const campaign = campaignOf({
      hasWindow: true,
      windowDays: ['sat', 'sun'],
      devicesPerMinute: '30',
      needsApproval: true,
      priority: '-5',
    });
    expect(campaign).toMatchObject({
      windows: {
        timeZone: 'Europe/Berlin',
        slots: [{ days: ['sat', 'sun'], from: '22:00', to: '05:00' }],
      },
      rateLimit: { devicesPerMinute: 30 },
      approval: { required: true },
      priority: -5,
    });
  });

  it.each<[string, Partial<CampaignForm>, string]>([
    ['no firmware', { firmwareId: '' }, 'firmware'],
    ['a group that is no name', { groups: 'b*' }, 'devices'],
    ['a last phase below 100 %', { phases: filled().phases.slice(0, 2) }, 'phases'],
    ['an empty amount', { errorPercent: '' }, 'phases'],
    ['words for a number', { deadlineMinutes: 'soon' }, 'phases'],
    [
      'an end before the start',
      { startAt: '2026-02-01T00:00', endAt: '2026-01-01T00:00' },
      'schedule',
    ],
    ['no time zone', { hasWindow: true, timeZone: 'Moon/Base' }, 'schedule'],
  ])('sends %s back to its step', (_what, change, step) => {
    expect(troublesOf(change)).toContain(step);
  });
});
