/** What waits of one partition. */
export interface Waiting {
  readonly isStoring: boolean;
  readonly backlogRecords: number;
  /** So many records make a range as large as ranges may be, as far as is known. */
  readonly rangeRecords: number;
  /** Since when records wait at the longest, or null when none do. */
  readonly waitingSinceMs: number | null;
}

/**
 * Which partitions of one topic to encode now. Records wait up to `maxAgeMs` for company; when those of
 * one partition have waited long enough, or all together fill a range, the others come along, so that
 * one insert takes them. While a partition's range is being stored, waiting costs nothing: only what
 * fills another range by itself is encoded ahead.
 */
export function whichAreDue(
  partitions: readonly Waiting[],
  maxAgeMs: number,
  nowMs: number,
): boolean[] {
  const free = partitions.filter((waiting) => !waiting.isStoring && waiting.backlogRecords > 0);
  const fill = free.reduce(
    (sum, waiting) => sum + waiting.backlogRecords / waiting.rangeRecords,
    0,
  );
  const isOfAge = free.some(({ waitingSinceMs }) => nowMs - (waitingSinceMs ?? nowMs) >= maxAgeMs);
  return partitions.map(
    ({ isStoring, backlogRecords, rangeRecords }) =>
      backlogRecords > 0 &&
      (backlogRecords >= rangeRecords || (!isStoring && (isOfAge || fill >= 1))),
  );
}
