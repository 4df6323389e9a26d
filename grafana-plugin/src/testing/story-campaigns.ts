import type { CampaignEvent, CampaignView } from '@flotilla/contracts';

export const GOOD_CAMPAIGN_ID = 'cmp_good00000001';
export const BAD_CAMPAIGN_ID = 'cmp_bad000000002';
export const RUNNING_CAMPAIGN_ID = 'cmp_run000000003';

export const MODEL = 'sensor-a';
export const FIRMWARE_IDS = {
  '1.0.0': 'fw_100000000000',
  '1.1.0': 'fw_110000000000',
  '1.2.0': 'fw_120000000000',
  '1.3.0': 'fw_130000000000',
  '1.4.0': 'fw_140000000000',
} as const;

/** A moment of the story, in minutes before its end. */
export type StoryClock = (minutesAgo: number) => string;

const NO_COUNTS = { started: 0, confirmed: 0, failed: 0, rolledBack: 0, silent: 0 };

export function storyCampaigns(at: StoryClock): CampaignView[] {
  const common = {
    model: MODEL,
    groups: null,
    round: 1,
    totalDevices: 10,
    errorThreshold: 0.05,
    minSample: 10,
    soakMs: 0,
    deadlineMs: 30 * 60_000,
  };
  return [
    {
      ...common,
      id: RUNNING_CAMPAIGN_ID,
      name: 'Autumn release 1.3',
      firmwareId: FIRMWARE_IDS['1.3.0'],
      version: '1.3.0',
      status: 'running',
      currentPhase: 2,
      exposedDevices: 2,
      phases: [
        {
          phase: 1,
          percent: 1,
          devices: 1,
          state: 'done',
          startedAt: at(7),
          counts: { ...NO_COUNTS, started: 1, confirmed: 1 },
          errorRate: 0,
        },
        {
          phase: 2,
          percent: 20,
          devices: 1,
          state: 'running',
          startedAt: at(1),
          counts: { ...NO_COUNTS, started: 1 },
          errorRate: null,
        },
        {
          phase: 3,
          percent: 100,
          devices: 8,
          state: 'waiting',
          startedAt: null,
          counts: NO_COUNTS,
          errorRate: null,
        },
      ],
      verdict: {
        kind: 'hold',
        code: 'awaiting_devices',
        words: '0 of 1 devices of phase 2 have finished.',
        at: at(0.05),
      },
      createdAt: at(8),
      updatedAt: at(0.05),
    },
    {
      ...common,
      id: BAD_CAMPAIGN_ID,
      name: 'Sensor fusion 1.2',
      firmwareId: FIRMWARE_IDS['1.2.0'],
      version: '1.2.0',
      status: 'paused',
      currentPhase: 1,
      exposedDevices: 1,
      phases: [
        {
          phase: 1,
          percent: 1,
          devices: 1,
          state: 'running',
          startedAt: at(44),
          counts: { ...NO_COUNTS, started: 1, rolledBack: 1 },
          errorRate: 1,
        },
        {
          phase: 2,
          percent: 10,
          devices: 1,
          state: 'waiting',
          startedAt: null,
          counts: NO_COUNTS,
          errorRate: null,
        },
        {
          phase: 3,
          percent: 100,
          devices: 8,
          state: 'waiting',
          startedAt: null,
          counts: NO_COUNTS,
          errorRate: null,
        },
      ],
      verdict: {
        kind: 'pause',
        code: 'threshold_exceeded',
        words: '1 of 1 canaries rolled back, 100 %, limit 5 %.',
        at: at(42),
      },
      createdAt: at(45),
      updatedAt: at(42),
    },
    {
      ...common,
      id: GOOD_CAMPAIGN_ID,
      name: 'Quieter radio 1.1',
      firmwareId: FIRMWARE_IDS['1.1.0'],
      version: '1.1.0',
      status: 'completed',
      currentPhase: 3,
      exposedDevices: 10,
      errorThreshold: 0.15,
      phases: [
        {
          phase: 1,
          percent: 1,
          devices: 1,
          state: 'done',
          startedAt: at(210),
          counts: { ...NO_COUNTS, started: 1, confirmed: 1 },
          errorRate: 0,
        },
        {
          phase: 2,
          percent: 10,
          devices: 1,
          state: 'done',
          startedAt: at(206),
          counts: { ...NO_COUNTS, started: 1, confirmed: 1 },
          errorRate: 0,
        },
        {
          phase: 3,
          percent: 100,
          devices: 8,
          state: 'done',
          startedAt: at(202),
          counts: { ...NO_COUNTS, started: 8, confirmed: 7, failed: 1 },
          errorRate: 0.125,
        },
      ],
      verdict: {
        kind: 'complete',
        code: 'all_finished',
        words: '9 of 10 devices confirmed 1.1.0.',
        at: at(194),
      },
      createdAt: at(212),
      updatedAt: at(194),
    },
  ];
}

export function storyEvents(at: StoryClock): Map<string, CampaignEvent[]> {
  const created = (minutesAgo: number): CampaignEvent => ({
    at: at(minutesAgo),
    event: 'created',
    actor: 'operator',
    reason: '',
    evidence: null,
  });
  return new Map([
    [
      RUNNING_CAMPAIGN_ID,
      [
        {
          at: at(1),
          event: 'advanced',
          actor: 'gate',
          reason: '1 of 1 canaries confirmed, 0 %, limit 5 %.',
          evidence: { phase: 1, finished: 1, failed: 0, errorRate: 0, errorThreshold: 0.05 },
        },
        created(8),
      ],
    ],
    [
      BAD_CAMPAIGN_ID,
      [
        {
          at: at(42),
          event: 'auto_paused',
          actor: 'gate',
          reason: '1 of 1 canaries rolled back, 100 %, limit 5 %.',
          evidence: {
            phase: 1,
            finished: 1,
            rolledBack: 1,
            control: {
              updated: { devices: 1, crashed: 1 },
              control: { devices: 9, crashed: 0 },
              logE: Math.log(4.3),
              peakLogE: Math.log(4.3),
              logELimit: Math.log(50),
              isBreached: false,
            },
          },
        },
        created(45),
      ],
    ],
    [
      GOOD_CAMPAIGN_ID,
      [
        {
          at: at(194),
          event: 'completed',
          actor: 'gate',
          reason: '9 of 10 devices confirmed 1.1.0.',
          evidence: null,
        },
        created(212),
      ],
    ],
  ]);
}
