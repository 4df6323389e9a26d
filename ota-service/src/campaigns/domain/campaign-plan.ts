import { hash } from 'node:crypto';

/** Above every rank: the last phase takes whoever is left, devices that join later included. */
export const LAST_CUTOFF = 'f'.repeat(64);

/** How far a phase reaches, all before it included: percent of the target, or a number of devices. */
export type PhaseShare = number | { readonly count: number };

export interface PlannedPhase {
  readonly phase: number;
  /** Of one that was given as a number of devices: what that came to. */
  readonly percent: number;
  /** Null for one that was given in percent. */
  readonly count: number | null;
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
export function phaseSizes(deviceCount: number, shares: readonly PhaseShare[]): number[] {
  const sizes: number[] = [];
  let previous = 0;
  for (const [index, share] of shares.entries()) {
    const wanted = typeof share === 'number' ? devicesOf(share, deviceCount) : share.count;
    const isLast = index === shares.length - 1;
    previous = isLast ? deviceCount : Math.min(deviceCount, Math.max(previous + 1, wanted));
    sizes.push(previous);
  }
  return sizes;
}

function devicesOf(percent: number, deviceCount: number): number {
  // 0.07 * 100 is above 7 in binary; a share meant to be whole must not grow by one.
  return Math.ceil((percent * deviceCount) / 100 - 1e-9);
}

/** A phase of a plan, from its own and the previous cumulative size. */
export function plannedPhase(
  index: number,
  shares: readonly PhaseShare[],
  sizes: readonly number[],
  cutoffOf: (size: number) => string,
): PlannedPhase {
  const share = shares[index] ?? 100;
  const size = sizes[index] ?? 0;
  const deviceCount = sizes.at(-1) ?? 0;
  const isLast = index === shares.length - 1;
  return {
    phase: index + 1,
    percent: typeof share === 'number' ? share : (100 * size) / Math.max(1, deviceCount),
    count: typeof share === 'number' ? null : share.count,
    plannedDevices: size - (sizes[index - 1] ?? 0),
    cutoff: isLast ? LAST_CUTOFF : cutoffOf(size),
  };
}

/**
 * Cuts the devices that need the update into phases. Only the cutoffs are kept: whoever ranks at or
 * below a phase's cutoff belongs to it or to one before.
 */
export function planPhases(
  campaignId: string,
  deviceIds: readonly string[],
  shares: readonly PhaseShare[],
): PlannedPhase[] {
  const ranks = deviceIds.map((deviceId) => deviceRank(campaignId, deviceId)).sort();
  const sizes = phaseSizes(ranks.length, shares);
  return shares.map((_share, index) =>
    plannedPhase(index, shares, sizes, (size) => ranks[size - 1] ?? ''),
  );
}

/** The phase (from 1) that a rank falls into; cutoffs rise and the last one takes everybody. */
export function phaseOfRank(rank: string, cutoffs: readonly string[]): number {
  const index = cutoffs.findIndex((cutoff) => rank <= cutoff);
  return index === -1 ? cutoffs.length : index + 1;
}
