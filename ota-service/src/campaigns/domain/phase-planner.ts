import {
  deviceRank,
  phaseSizes,
  plannedPhase,
  type PhaseShare,
  type PlannedPhase,
} from './campaign-plan.ts';

/** Hex digits of a rank that are counted: of a million devices fifteen share a counter. */
const COUNTED_DIGITS = 4;
const REST = 'f'.repeat(64 - COUNTED_DIGITS);

interface Place {
  /** The counter that holds a phase's last device, and how many rank in those before. */
  readonly bucket: number;
  readonly before: number;
}

/**
 * `planPhases` for a fleet that is never held in memory: the devices are shown twice, in any order. The
 * first time they are counted by how their rank begins; the second time only those are kept that begin
 * as a cutoff does. A device that comes or goes in between moves a cutoff by one device at most.
 */
export class PhasePlanner {
  readonly #campaignId: string;
  readonly #shares: readonly PhaseShare[];
  readonly #counts = new Uint32Array(16 ** COUNTED_DIGITS);
  readonly #ranks = new Map<number, string[]>();
  #deviceCount = 0;

  constructor(campaignId: string, shares: readonly PhaseShare[]) {
    this.#campaignId = campaignId;
    this.#shares = shares;
  }

  get deviceCount(): number {
    return this.#deviceCount;
  }

  count(deviceId: string): void {
    const bucket = bucketOf(deviceRank(this.#campaignId, deviceId));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#deviceCount += 1;
  }

  /** Between the two passes. */
  endCount(): void {
    for (const size of this.#sizes()) this.#ranks.set(this.#placeOf(size).bucket, []);
  }

  collect(deviceId: string): void {
    const rank = deviceRank(this.#campaignId, deviceId);
    this.#ranks.get(bucketOf(rank))?.push(rank);
  }

  phases(): PlannedPhase[] {
    for (const ranks of this.#ranks.values()) ranks.sort();
    const sizes = this.#sizes();
    return this.#shares.map((_share, index) =>
      plannedPhase(index, this.#shares, sizes, (size) => this.#cutoff(size)),
    );
  }

  #sizes(): number[] {
    return phaseSizes(this.#deviceCount, this.#shares);
  }

  #cutoff(size: number): string {
    if (size === 0) return '';
    const { bucket, before } = this.#placeOf(size);
    const ranks = this.#ranks.get(bucket) ?? [];
    const wanted = ranks[size - before - 1] ?? ranks.at(-1);
    return wanted ?? `${bucket.toString(16).padStart(COUNTED_DIGITS, '0')}${REST}`;
  }

  /** Of the device that is the `size`th by rank. */
  #placeOf(size: number): Place {
    let before = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket += 1) {
      const count = this.#counts[bucket] ?? 0;
      if (size <= before + count) return { bucket, before };
      before += count;
    }
    return { bucket: this.#counts.length - 1, before };
  }
}

function bucketOf(rank: string): number {
  return Number.parseInt(rank.slice(0, COUNTED_DIGITS), 16);
}
