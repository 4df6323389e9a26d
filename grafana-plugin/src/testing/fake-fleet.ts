import type {
  CampaignEvent,
  CampaignView,
  DeviceDetail,
  FirmwareView,
  UpdateRecord,
} from '@flotilla/contracts';

/** Everything the fake API knows; a test changes it while the console runs. */
export interface FakeFleet {
  devices: DeviceDetail[];
  campaigns: CampaignView[];
  events: Map<string, CampaignEvent[]>;
  firmware: FirmwareView[];
}

export const GOOD_CAMPAIGN_ID = 'cmp_good00000001';
export const BAD_CAMPAIGN_ID = 'cmp_bad000000002';
export const RUNNING_CAMPAIGN_ID = 'cmp_run000000003';

const MODEL = 'sensor-a';
const FIRMWARE_IDS = {
  '1.0.0': 'fw_100000000000',
  '1.1.0': 'fw_110000000000',
  '1.2.0': 'fw_120000000000',
  '1.3.0': 'fw_130000000000',
} as const;
type Version = keyof typeof FIRMWARE_IDS;

export function emptyFleet(): FakeFleet {
  return { devices: [], campaigns: [], events: new Map(), firmware: [] };
}

/**
 * The demo's story, one step further: 1.1.0 is everywhere, 1.2.0 was stopped at its canary, 1.3.0 is
 * on its way.
 */
export function storyFleet(nowMs: number): FakeFleet {
  const clock = storyClock(nowMs);
  return {
    devices: Array.from({ length: 10 }, (_, i) => storyDevice(i + 1, clock)),
    campaigns: storyCampaigns(clock),
    events: storyEvents(clock),
    firmware: storyFirmware(clock),
  };
}

type Clock = (minutesAgo: number) => string;

function storyClock(nowMs: number): Clock {
  return (minutesAgo) => new Date(nowMs - minutesAgo * 60_000).toISOString();
}

function storyDevice(n: number, at: Clock): DeviceDetail {
  const isCanary = n === 7;
  const isNew = n === 10;
  const updates = isNew ? [] : storyUpdates(n, at);
  const health = isNew
    ? null
    : isCanary
      ? {
          score: 41.3,
          confidence: 0.97,
          status: 'critical' as const,
          contributions: { update_failures_7d: 31.2, crashes_24h: 21.4, temp_headroom_c: 6.1 },
          computedAt: at(0.1),
        }
      : n === 4
        ? {
            score: 68.4,
            confidence: 0.92,
            status: 'degraded' as const,
            contributions: { disk_used_pct: 27.9, mem_used_pct: 3.7 },
            computedAt: at(0.1),
          }
        : n === 9
          ? {
              score: 83,
              confidence: 0.31,
              status: 'unknown' as const,
              contributions: { heartbeat_gap_ratio: 17 },
              computedAt: at(0.1),
            }
          : {
              score: 100 - (n % 4) * 1.2,
              confidence: 1,
              status: 'healthy' as const,
              contributions: n % 4 === 0 ? {} : { cpu_p95_pct: (n % 4) * 1.2 },
              computedAt: at(0.1),
            };
  return {
    id: `device-${String(n).padStart(2, '0')}`,
    model: MODEL,
    group: n <= 3 ? 'berlin' : n <= 7 ? 'lisbon' : 'oslo',
    lifecycle: isNew ? 'provisioned' : 'active',
    firmwareVersion: isNew ? null : n === 3 ? '1.3.0' : n === 9 ? '1.0.0' : '1.1.0',
    createdAt: at(60 * 26),
    lastSeenAt: isNew ? null : at(n === 9 ? 190 : 0.05 * n),
    health,
    lastUpdate: updates[0] ?? null,
    updates,
  };
}

function storyUpdates(n: number, at: Clock): UpdateRecord[] {
  const base = { phase: 1, round: 1, reason: null, detail: null };
  const updates: UpdateRecord[] = [];
  if (n === 5) {
    updates.push({
      ...base,
      campaignId: RUNNING_CAMPAIGN_ID,
      campaignName: 'Autumn release 1.3',
      phase: 2,
      state: 'trial',
      fromVersion: '1.1.0',
      toVersion: '1.3.0',
      transferBytes: 3911,
      usedDelta: true,
      startedAt: at(0.6),
      updatedAt: at(0.2),
    });
  }
  if (n === 3) {
    updates.push({
      ...base,
      campaignId: RUNNING_CAMPAIGN_ID,
      campaignName: 'Autumn release 1.3',
      state: 'confirmed',
      fromVersion: '1.1.0',
      toVersion: '1.3.0',
      transferBytes: 3911,
      usedDelta: true,
      startedAt: at(6),
      updatedAt: at(5.5),
    });
  }
  if (n === 7) {
    updates.push({
      ...base,
      campaignId: BAD_CAMPAIGN_ID,
      campaignName: 'Sensor fusion 1.2',
      state: 'rolled_back',
      reason: 'trial_crashed',
      detail: 'exit code 1 after 4.2 s: TypeError: cannot read the calibration table',
      fromVersion: '1.1.0',
      toVersion: '1.2.0',
      transferBytes: 4120,
      usedDelta: true,
      startedAt: at(43),
      updatedAt: at(42),
    });
  }
  if (n === 9) {
    updates.push({
      ...base,
      campaignId: GOOD_CAMPAIGN_ID,
      campaignName: 'Quieter radio 1.1',
      phase: 3,
      state: 'failed',
      reason: 'artifact_checksum_mismatch',
      detail: null,
      fromVersion: '1.0.0',
      toVersion: '1.1.0',
      transferBytes: 48_213,
      usedDelta: false,
      startedAt: at(196),
      updatedAt: at(195),
    });
    return updates;
  }
  updates.push({
    ...base,
    campaignId: GOOD_CAMPAIGN_ID,
    campaignName: 'Quieter radio 1.1',
    phase: n === 1 ? 1 : 3,
    state: 'confirmed',
    fromVersion: '1.0.0',
    toVersion: '1.1.0',
    transferBytes: 3742,
    usedDelta: true,
    startedAt: at(201),
    updatedAt: at(200),
  });
  return updates;
}

const NO_COUNTS = { started: 0, confirmed: 0, failed: 0, rolledBack: 0, silent: 0 };

function storyCampaigns(at: Clock): CampaignView[] {
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

function storyEvents(at: Clock): Map<string, CampaignEvent[]> {
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
          evidence: { phase: 1, finished: 1, rolledBack: 1, errorRate: 1, errorThreshold: 0.05 },
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

function storyFirmware(at: Clock): FirmwareView[] {
  const digest = (digit: string) => digit.repeat(64);
  const firmware = (
    version: Version,
    digit: string,
    minutesAgo: number,
    deltas: FirmwareView['deltas'],
  ): FirmwareView => ({
    id: FIRMWARE_IDS[version],
    model: MODEL,
    version,
    state: 'released',
    sha256: digest(digit),
    sizeBytes: 184_320,
    fullTransferBytes: 48_213,
    manifest: {
      schemaVersion: 1,
      model: MODEL,
      version,
      artifact: { sha256: digest(digit), sizeBytes: 184_320, format: 'tar' },
      allowDowngrade: false,
      createdAt: at(minutesAgo),
    },
    createdAt: at(minutesAgo),
    deltas,
  });
  const delta = (
    baseVersion: Version,
    digit: string,
    sizeBytes: number,
  ): FirmwareView['deltas'][number] => ({
    baseVersion,
    baseSha256: digest(digit),
    state: 'ready',
    sizeBytes,
    sha256: digest('f'),
    codec: 'flotilla-delta-1',
    detail: null,
  });
  return [
    firmware('1.0.0', 'a', 60 * 25, []),
    firmware('1.1.0', 'b', 220, [delta('1.0.0', 'a', 3742)]),
    firmware('1.2.0', 'c', 50, [
      delta('1.1.0', 'b', 4120),
      { ...delta('1.0.0', 'a', 0), state: 'not_worthwhile', sizeBytes: null, sha256: null },
    ]),
    firmware('1.3.0', 'd', 12, [
      delta('1.1.0', 'b', 3911),
      { ...delta('1.2.0', 'c', 0), state: 'pending', sizeBytes: null, sha256: null },
    ]),
  ];
}
