import { hash } from 'node:crypto';

/** Above every rank: the last phase takes whoever is left, devices that join later included. */
export const LAST_CUTOFF = 'f'.repeat(64);

export interface PlannedPhase {
  readonly phase: number;
  readonly percent: number;
  readonly plannedDevices: number;
  readonly cutoff: string;
}

/**
 * A device's place in a campaign: SHA-256 in lower-case hex over both ids. Random for each campaign,
 * so canaries are exchangeable with the rest; campaign ids have one length, so no two pairs collide.
 */
export function deviceRank(campaignId: string, deviceId: string): string {
  return hash('sha256', campaignId + deviceId, 'hex');
}

/** Cumulative sizes: each phase adds at least one device until there is none left to add. */
export function phaseSizes(deviceCount: number, percents: readonly number[]): number[] {
  const sizes: number[] = [];
  let previous = 0;
  for (const [index, percent] of percents.entries()) {
    // 0.07 * 100 is above 7 in binary; a share meant to be whole must not grow by one.
    const share = Math.ceil((percent * deviceCount) / 100 - 1e-9);
    const isLast = index === percents.length - 1;
    previous = isLast ? deviceCount : Math.min(deviceCount, Math.max(previous + 1, share));
    sizes.push(previous);
  }
  return sizes;
}

/**
 * Cuts the devices that need the update into phases. Only the cutoffs are kept: whoever ranks at or
 * below a phase's cutoff belongs to it or to one before.
 */
export function planPhases(
  campaignId: string,
  deviceIds: readonly string[],
  percents: readonly number[],
): PlannedPhase[] {
  const ranks = deviceIds.map((deviceId) => deviceRank(campaignId, deviceId)).sort();
  const sizes = phaseSizes(ranks.length, percents);
  return percents.map((percent, index) => {
    const size = sizes[index] ?? 0;
    return {
      phase: index + 1,
      percent,
      plannedDevices: size - (sizes[index - 1] ?? 0),
      cutoff: index === percents.length - 1 ? LAST_CUTOFF : (ranks[size - 1] ?? ''),
    };
  });
}

/** The phase (from 1) that a rank falls into; cutoffs rise and the last one takes everybody. */
export function phaseOfRank(rank: string, cutoffs: readonly string[]): number {
  const index = cutoffs.findIndex((cutoff) => rank <= cutoff);
  return index === -1 ? cutoffs.length : index + 1;
}
