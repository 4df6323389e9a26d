/** A range of device ids and those in it that a campaign does not wait for. */
export interface ExcludedBatch {
  /** Not in the range itself; '' for the start. */
  readonly after: string;
  /** The last id in the range; '' for no end. */
  readonly upTo: string;
  readonly excludedIds: readonly string[];
}

/** An id in a URL is percent-encoded, with two quotes and a comma of three characters each. */
const SEPARATORS_LENGTH = 9;

/**
 * Splits the fleet so that each range's ids fit in a URL; the ranges together hold every device once.
 * Ids are ASCII, so they sort here as they do in the warehouse.
 */
export function excludedBatches(
  excludedIds: readonly string[],
  maxUrlLength: number,
): ExcludedBatch[] {
  const batches: ExcludedBatch[] = [];
  let after = '';
  let batch: string[] = [];
  let length = 0;
  for (const id of excludedIds.toSorted()) {
    const idLength = encodeURIComponent(id).length + SEPARATORS_LENGTH;
    const last = batch.at(-1);
    if (last !== undefined && length + idLength > maxUrlLength) {
      batches.push({ after, upTo: last, excludedIds: batch });
      after = last;
      batch = [];
      length = 0;
    }
    batch.push(id);
    length += idLength;
  }
  batches.push({ after, upTo: '', excludedIds: batch });
  return batches;
}
