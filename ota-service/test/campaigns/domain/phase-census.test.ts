import { describe, expect, it } from 'vitest';
import {
  CensusTaker,
  nobodyLeftOut,
  placeDevice,
  type CensusDevice,
} from '../../../src/campaigns/domain/phase-census.ts';
import { deviceNames, sampleCampaign } from '../sample-campaign.ts';

const FIRMWARE = sampleCampaign([]).firmwareId;
const device = (over: Partial<CensusDevice> = {}): CensusDevice => ({
  id: 'device-1',
  group: 'default',
  lifecycle: 'active',
  firmwareVersion: '1.0.0',
  withheldFirmwareId: null,
  ...over,
});

describe('the place of a device', () => {
  const round1 = (state: 'offered' | 'trial' | 'failed' | 'confirmed') => [{ round: 1, state }];
  it.each([
    ['needs the update', 1, device(), [], 'member'],
    ['waits in maintenance', 1, device({ lifecycle: 'maintenance' }), [], 'member'],
    ['retired before it began', 1, device({ lifecycle: 'retired' }), [], 'retired'],
    ['retired in the middle', 1, device({ lifecycle: 'retired' }), round1('trial'), 'retired'],
    ['retired after it failed', 1, device({ lifecycle: 'retired' }), round1('failed'), 'member'],
    ['does not fit the firmware', 1, device({ withheldFirmwareId: FIRMWARE }), [], 'incompatible'],
    [
      'does not fit another firmware',
      1,
      device({ withheldFirmwareId: 'fw_other0000000' }),
      [],
      'member',
    ],
    [
      'was offered the firmware before it was held back',
      1,
      device({ withheldFirmwareId: FIRMWARE }),
      round1('offered'),
      'member',
    ],
    ['has the version already', 1, device({ firmwareVersion: '1.1.0' }), [], 'has_version'],
    [
      'runs the version it was offered and has not reported yet',
      1,
      device({ firmwareVersion: '1.1.0' }),
      round1('offered'),
      'member',
    ],
    [
      'was offered the version in an earlier round and got it another way',
      2,
      device({ firmwareVersion: '1.1.0' }),
      round1('offered'),
      'has_version',
    ],
    [
      'runs the version on trial',
      1,
      device({ firmwareVersion: '1.1.0' }),
      round1('trial'),
      'member',
    ],
    [
      'still on trial from an earlier round',
      2,
      device({ firmwareVersion: '1.1.0' }),
      round1('trial'),
      'member',
    ],
    [
      'confirmed it in an earlier round',
      2,
      device({ firmwareVersion: '1.1.0' }),
      round1('confirmed'),
      'member',
    ],
    [
      'retired, its failure set aside',
      2,
      device({ lifecycle: 'retired' }),
      round1('failed'),
      'retired',
    ],
    ['is of another group', 1, device({ group: 'lab' }), [], 'outside'],
    ['left the groups after the offer', 1, device({ group: 'lab' }), round1('offered'), 'outside'],
    ['left the groups in the middle', 1, device({ group: 'lab' }), round1('trial'), 'member'],
  ] as const)('%s', (_name, round, subject, attempts, place) => {
    const campaign = sampleCampaign(['device-1'], { groups: ['default'], round });
    expect(placeDevice(campaign, subject, attempts)).toBe(place);
  });
});

describe('a census', () => {
  it('adds up to the plan on an untouched fleet', () => {
    const ids = deviceNames(120);
    const taker = new CensusTaker(sampleCampaign(ids));
    for (const id of ids) taker.add(device({ id }), []);
    expect(taker.result()).toEqual({
      devices: [2, 10, 108],
      inMaintenance: [0, 0, 0],
      toRetry: [0, 0, 0],
      leftOut: nobodyLeftOut(),
      excludedIds: [],
    });
  });

  it('names those it leaves out only when the warehouse may know them', () => {
    const campaign = sampleCampaign(['a', 'b', 'c'], { groups: ['default'] });
    const taker = new CensusTaker(campaign);
    taker.add(device({ id: 'a', lifecycle: 'retired' }), [{ round: 1, state: 'downloading' }]);
    taker.add(device({ id: 'b', lifecycle: 'retired' }), []);
    taker.add(device({ id: 'c', firmwareVersion: '1.1.0' }), []);
    taker.add(device({ id: 'elsewhere', group: 'lab', lifecycle: 'retired' }), []);
    expect(taker.result()).toMatchObject({
      devices: [0, 0, 0],
      leftOut: { ...nobodyLeftOut(), retired: 2, has_version: 1 },
      excludedIds: ['a'],
    });
  });
});
