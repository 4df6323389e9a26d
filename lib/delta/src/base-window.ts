/** Base bytes that the models see before a copy's first byte. */
export const BASE_MARGIN = 4;
/** Base bytes that the models see past a copy's end, at most: what the literals replaced. */
export const MAX_AHEAD = 4096;

/** How many base bytes past the copy an edit's window holds. */
export function aheadOf(literalLength: number): number {
  return Math.min(literalLength * 2 + 32, MAX_AHEAD);
}

/**
 * The base around an edit: BASE_MARGIN bytes, the copied piece, and `aheadOf(literalLength)` more.
 * Bytes outside the base read as zero.
 */
export interface WindowRange {
  /** May be negative. */
  readonly from: number;
  readonly length: number;
}

export function windowRange(
  baseOffset: number,
  copyLength: number,
  literalLength: number,
): WindowRange {
  return {
    from: baseOffset - BASE_MARGIN,
    length: BASE_MARGIN + copyLength + aheadOf(literalLength),
  };
}
