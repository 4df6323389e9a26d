import type {
  CampaignEvent,
  CampaignView,
  DeviceDetail,
  FirmwareView,
  Labels,
  TrustView,
  UpdateRecord,
} from '@flotilla/contracts';
import {
  BAD_CAMPAIGN_ID,
  FIRMWARE_IDS,
  GOOD_CAMPAIGN_ID,
  MODEL,
  RUNNING_CAMPAIGN_ID,
  storyCampaigns,
  storyEvents,
  type StoryClock,
} from './story-campaigns.ts';

export { BAD_CAMPAIGN_ID, GOOD_CAMPAIGN_ID, RUNNING_CAMPAIGN_ID };

type Version = keyof typeof FIRMWARE_IDS;

/** Everything the fake API knows; a test changes it while the console runs. */
export interface FakeFleet {
  devices: DeviceDetail[];
  campaigns: CampaignView[];
  events: Map<string, CampaignEvent[]>;
  firmware: FirmwareView[];
  labels: Map<string, Labels>;
  /** Reasons of lifecycle changes by device, oldest first. */
  lifecycleReasons: Map<string, string[]>;
  trust: TrustView;
  /** Items of the provisioning lists, by the list's name. */
  provisioning: Record<string, object[]>;
}

const NO_TRUST: TrustView = {
  root: {
    signatures: [],
    signed: {
      _type: 'root',
      version: 1,
      expires: '2027-01-01T00:00:00Z',
      roles: { targets: { keyids: ['a', 'b'], threshold: 2 } },
    },
  },
  targets: null,
  staged: { root: null, targets: null },
};

function withoutExtras() {
  return {
    labels: new Map<string, Labels>(),
    lifecycleReasons: new Map<string, string[]>(),
    trust: NO_TRUST,
    provisioning: {},
  };
}

export function emptyFleet(): FakeFleet {
  return { devices: [], campaigns: [], events: new Map(), firmware: [], ...withoutExtras() };
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
    ...withoutExtras(),
    labels: new Map([['device-07', { site: 'lisbon', ring: 'canary' }]]),
    trust: storyTrust(storyFirmware(clock)),
    provisioning: storyProvisioning(clock),
  };
}

function storyClock(nowMs: number): StoryClock {
  return (minutesAgo) => new Date(nowMs - minutesAgo * 60_000).toISOString();
}

function storyDevice(n: number, at: StoryClock): DeviceDetail {
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
    hardwareRevision: null,
    withheld: null,
  };
}

function storyUpdates(n: number, at: StoryClock): UpdateRecord[] {
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

function storyFirmware(at: StoryClock): FirmwareView[] {
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
    target: {
      path: `${MODEL}/${version}`,
      sha256: digest(digit),
      sizeBytes: 184_320,
      release: {
        schemaVersion: 1,
        model: MODEL,
        version,
        format: 'tar',
        allowDowngrade: false,
        minimumVersion: null,
        hardwareRevisions: [],
        createdAt: at(minutesAgo),
      },
    },
    format: 'tar',
    allowDowngrade: false,
    minimumVersion: null,
    hardwareRevisions: [],
    releaseNotes: '',
    channels: [],
    createdAt: at(minutesAgo),
    releasedAt: at(minutesAgo),
    withdrawnAt: null,
    withdrawalReason: null,
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
    codec: 'flotilla-delta-2',
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
    { ...firmware('1.4.0', 'e', 3, []), state: 'draft', releasedAt: null },
  ];
}

/** What is released is signed; 1.4.0 waits for its second signature in the staged targets. */
function storyTrust(firmware: readonly FirmwareView[]): TrustView {
  const targets = (of: readonly FirmwareView[], version: number, keys: readonly string[]) => ({
    signatures: keys.map((keyid) => ({ keyid, sig: '00' })),
    signed: {
      _type: 'targets',
      version,
      expires: '2026-12-24T00:00:00Z',
      targets: Object.fromEntries(
        of.map(({ target }) => [
          target.path,
          { length: target.sizeBytes, hashes: { sha256: target.sha256 } },
        ]),
      ),
    },
  });
  const signed = firmware.filter(({ state }) => state === 'released');
  return {
    ...NO_TRUST,
    targets: targets(signed, 4, ['a', 'b']),
    staged: { root: null, targets: targets(firmware, 5, ['a']) },
  };
}

function storyProvisioning(at: StoryClock): Record<string, object[]> {
  return {
    manufacturers: [
      {
        id: 'man_1',
        name: 'northwind',
        publicKeyPem: 'PEM',
        createdAt: at(60 * 24 * 30),
        revokedAt: null,
      },
    ],
    rules: [
      {
        id: 'rule_1',
        name: 'oslo-line',
        priority: 10,
        model: MODEL,
        serialPrefix: 'OS-',
        group: 'oslo',
        labels: { ring: 'late' },
        createdAt: at(60 * 24 * 20),
      },
    ],
    quarantine: [
      {
        id: 'q_1',
        kind: 'duplicate_claim',
        serial: 'OS-00417',
        publicKeySha256: null,
        remoteAddress: '192.0.2.17',
        detail: 'claimed again with another device key, 3 h after the first claim',
        attempts: 4,
        firstAt: at(180),
        lastAt: at(12),
        resolvedAt: null,
        resolution: null,
        resolvedReason: null,
      },
    ],
  };
}
