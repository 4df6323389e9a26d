import { describe, expect, it } from 'vitest';
import { CAMPAIGN_OPTIONS, campaignOf } from '../../src/cli/campaign-options.ts';
import { Options, type OptionValues } from '../../src/cli/command.ts';
import { durationMs, durationWords } from '../../src/cli/durations.ts';

const ID = 'fw_0123456789ab';
const campaign = (values: OptionValues) => campaignOf(ID, new Options(values));

describe('campaignOf', () => {
  it('leaves to the service what nobody says', () => {
    expect(campaign({})).toMatchObject({
      name: `Campaign for ${ID}`,
      firmwareId: ID,
      phases: [{ percent: 1 }, { percent: 10 }, { percent: 100 }],
    });
    expect(campaign({}).target).toBeUndefined();
    expect(campaign({}).guards).toBeUndefined();
  });

  it('reads phases in percent and in devices', () => {
    expect(campaign({ phases: '25d, 10%,100' }).phases).toEqual([
      { count: 25 },
      { percent: 10 },
      { percent: 100 },
    ]);
  });

  it('reads whom, when and how fast', () => {
    const wanted = campaign({
      group: ['a'],
      selector: 'site=berlin',
      device: ['d-1'],
      fixed: true,
      window: ['mon,tue 22:00-04:00', '12:00-13:00'],
      'time-zone': 'Europe/Berlin',
      'start-at': '2026-11-24T12:00:00Z',
      'per-minute': '5',
      approval: true,
      soak: '1.5h',
    });
    expect(wanted).toMatchObject({
      target: { groups: ['a'], selector: 'site=berlin', deviceIds: ['d-1'], dynamic: false },
      windows: {
        timeZone: 'Europe/Berlin',
        slots: [
          { days: ['mon', 'tue'], from: '22:00', to: '04:00' },
          { from: '12:00', to: '13:00' },
        ],
      },
      schedule: { startAt: '2026-11-24T12:00:00Z' },
      rateLimit: { devicesPerMinute: 5 },
      approval: { required: true },
      soakMs: 5_400_000,
    });
  });

  it.each<[OptionValues, string]>([
    [{ window: ['moonday 1:00-2:00'] }, '--window'],
    [{ window: ['mon,xyz 10:00-12:00'] }, 'xyz'],
    [{ 'time-zone': 'UTC' }, 'goes with --window'],
    [{ window: ['10:00-12:00'], 'time-zone': 'Mars/Olympus' }, 'IANA'],
    [{ threshold: '' }, 'not a number'],
    [{ threshold: '7' }, 'errorThreshold'],
    [{ 'per-minute': 'many' }, 'many'],
  ])('refuses %j', (values, words) => {
    expect(() => campaign(values)).toThrow(words);
  });

  it('has help for every option', () => {
    for (const { help } of Object.values(CAMPAIGN_OPTIONS)) expect(help).not.toBe('');
  });
});

describe('durations', () => {
  it.each([
    ['90s', 90_000, '1 min 30 s'],
    ['2h', 7_200_000, '2 h'],
    ['1.5d', 129_600_000, '1 d 12 h'],
    ['250ms', 250, '250 ms'],
  ])('%s is %i ms, in words %s', (text, ms, words) => {
    expect(durationMs(text, 'x')).toBe(ms);
    expect(durationWords(ms)).toBe(words);
  });

  it.each(['', '5', '-1s', '1 h', '1w'])('%j is none', (text) => {
    expect(() => durationMs(text, '--soak')).toThrow('--soak');
  });
});
