/** Stands for whatever has no series of its own. */
export const OTHER = 'other';

export interface Folded<T> {
  readonly rows: readonly T[];
  /** How many were added up under OTHER. */
  readonly folded: number;
}

/**
 * Bounds the number of series: the rows with the most devices stay, the others become one by `merge`.
 * Of rows with as many devices the first in `nameOf`'s order stay, so that the choice does not flicker.
 */
export function foldSeries<T extends { readonly devices: number }>(
  rows: readonly T[],
  limit: number,
  nameOf: (row: T) => string,
  merge: (sum: T, row: T) => T,
): Folded<T> {
  if (rows.length <= limit) return { rows, folded: 0 };
  const ordered = rows.toSorted(
    (a, b) => b.devices - a.devices || (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  const rest = ordered.slice(limit - 1);
  const sum = rest.slice(1).reduce(merge, rest[0] as T);
  return { rows: [...ordered.slice(0, limit - 1), sum], folded: rest.length };
}
