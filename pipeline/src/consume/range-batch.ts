import type { EncodedRange } from './encoded-range.ts';

/** Ranges of one topic, each of another partition, that are stored together. */
export interface RangeBatch {
  readonly ranges: readonly EncodedRange[];
  /** Names the insert that they share, or that the only one once shared; null when it never did. */
  readonly insert: string | null;
  /** An earlier attempt, perhaps another process's, may have stored some of it. */
  readonly isRepeat: boolean;
}

/** A range that is ready to be stored. */
export interface ReadyRange {
  readonly encoded: Pick<EncodedRange, 'rows' | 'sizeBytes'>;
  readonly isRepeat: boolean;
}

/**
 * How many of `ready`, from the first on, to store together: as many new ones as stay within the limits,
 * for what an insert costs depends little on its size. A repeat stands alone: what it once was stored
 * with may be another member's now.
 */
export function batchLength(
  ready: readonly ReadyRange[],
  limits: { readonly maxRows: number; readonly maxBytes: number },
): number {
  let rows = 0;
  let bytes = 0;
  for (const [index, { encoded, isRepeat }] of ready.entries()) {
    rows += encoded.rows.rowCount;
    bytes += encoded.sizeBytes;
    if (index === 0 && isRepeat) return 1;
    if (index > 0 && (isRepeat || rows > limits.maxRows || bytes > limits.maxBytes)) return index;
  }
  return ready.length;
}
