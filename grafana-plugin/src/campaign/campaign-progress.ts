import type { CampaignView, PhaseCounts } from '@flotilla/contracts';

export function confirmedDevices(campaign: Pick<CampaignView, 'phases'>): number {
  return campaign.phases.reduce((sum, { counts }) => sum + counts.confirmed, 0);
}

/** Devices whose update ended, well or not; silence past the deadline is an end. */
export function finishedDevices(counts: PhaseCounts): number {
  return counts.confirmed + counts.failed + counts.rolledBack + counts.silent;
}

/** Devices under way: started and neither finished nor given up. */
export function underWayDevices(counts: PhaseCounts): number {
  return Math.max(0, counts.started - finishedDevices(counts));
}

/** Finished devices the threshold needs in this phase: the minimum sample, capped by its size. */
export function sampleNeeded(minSample: number, phaseDevices: number): number {
  return Math.min(minSample, phaseDevices);
}

export function newestFirst(campaigns: readonly CampaignView[]): CampaignView[] {
  return [...campaigns].sort(
    (a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt) || a.id.localeCompare(b.id),
  );
}
