import { readDeviceDisk } from './device-disk.ts';
import { reconcile, type Reconciliation } from './settle.ts';
import { runningVersion, type StoryResult } from './story.ts';
import type { Theatre } from './theatre.ts';

/** What the story left behind, gathered from the registry, the warehouse and the devices' disks. */
export interface Evidence extends Reconciliation {
  readonly fullBytes: number;
  readonly deltaBytes: number;
  /** From the first device's failure record to the pause in the audit log. */
  readonly secondsToPause: number;
  /** From the canary's first crash, which the agent still tried to recover from. */
  readonly secondsFromFirstCrash: number;
  /** Devices whose disk ever held the bad release, by the registry's exposure count and the disks. */
  readonly exposedDevices: number;
  readonly exposedOnDisk: readonly string[];
  readonly confirmedByDelta: number;
  readonly rolledBack: readonly string[];
  /** Version → devices whose firmware answers with it. */
  readonly runningVersions: Readonly<Record<string, number>>;
}

/** Ends the agents, then counts. */
export async function gatherEvidence(theatre: Theatre, result: StoryResult): Promise<Evidence> {
  const bad = result.campaigns['1.2.0'];
  const runningVersions = await countVersions(theatre);
  const pausedAtMs = await pauseTime(theatre, bad.id);
  const failure = await theatre.warehouse.firstFailure(bad.id);
  const confirmedByDelta = await countDeltaUpdates(theatre, result.campaigns['1.1.0'].id);
  const rolledBack = (await theatre.warehouse.outcomes(bad.id))
    .filter((o) => o.outcome === 'rolled_back')
    .map((o) => o.device);
  await theatre.stopAgents();
  return {
    fullBytes: result.firmware['1.1.0'].fullTransferBytes,
    deltaBytes: result.delta.sizeBytes ?? Number.POSITIVE_INFINITY,
    secondsToPause: (pausedAtMs - failure.firstFailureMs) / 1000,
    secondsFromFirstCrash: (pausedAtMs - failure.firstCrashMs) / 1000,
    exposedDevices: (await theatre.api.campaign(bad.id)).exposedDevices,
    exposedOnDisk: await devicesHolding(theatre, result.firmware['1.2.0'].sha256),
    confirmedByDelta,
    rolledBack,
    runningVersions,
    ...(await reconcile(theatre.ledger, theatre.warehouse)),
  };
}

async function countVersions(theatre: Theatre): Promise<Record<string, number>> {
  const versions = await Promise.all(theatre.members.map((m) => runningVersion(m.firmwareUrl)));
  const counts: Record<string, number> = {};
  for (const version of versions.map((v) => v ?? 'none')) {
    counts[version] = (counts[version] ?? 0) + 1;
  }
  return counts;
}

async function pauseTime(theatre: Theatre, campaignId: string): Promise<number> {
  const events = await theatre.api.campaignEvents(campaignId);
  const pause = events.find((event) => event.event === 'auto_paused');
  if (pause === undefined) throw new Error('the campaign was not paused by its gate');
  return Date.parse(pause.at);
}

async function countDeltaUpdates(theatre: Theatre, campaignId: string): Promise<number> {
  const details = await Promise.all(theatre.members.map((m) => theatre.api.device(m.id)));
  return details.filter((device) =>
    device.updates.some(
      (u) => u.campaignId === campaignId && u.usedDelta && u.state === 'confirmed',
    ),
  ).length;
}

async function devicesHolding(theatre: Theatre, sha256: string): Promise<string[]> {
  const disks = theatre.members.map(async (member) => {
    const { artifactSha256 } = await readDeviceDisk(member.dir);
    return Object.values(artifactSha256).includes(sha256) ? [member.id] : [];
  });
  return (await Promise.all(disks)).flat();
}
