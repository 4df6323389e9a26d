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

/**
 * Finished devices the threshold needs in this phase: the minimum sample, capped by its size; without
 * one the whole phase, for until then the limit pauses only what is certain to end above it.
 */
export function sampleNeeded(minSample: number | null, phaseDevices: number): number {
  return Math.min(minSample ?? phaseDevices, phaseDevices);
}

export function newestFirst(campaigns: readonly CampaignView[]): CampaignView[] {
  return [...campaigns].sort(
    (a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt) || a.id.localeCompare(b.id),
  );
}
