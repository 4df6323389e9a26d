export interface MemberClaim {
  readonly memberId: string;
  /** `topic:partition` keys it had in the round before. */
  readonly owned: readonly string[];
}

/**
 * Shares the partitions out so that no two members differ by more than one, and everyone keeps as
 * many of his own as that allows. The same input gives the same answer.
 */
export function assignPartitions(
  members: readonly MemberClaim[],
  partitions: readonly string[],
): Map<string, string[]> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const shares = new Map(sorted.map(({ memberId }) => [memberId, [] as string[]]));
  const free = new Set([...partitions].sort());
  const floor = Math.floor(free.size / sorted.length);
  let extras = free.size % sorted.length;
  for (const { memberId, owned } of sorted) {
    const share = shares.get(memberId) ?? [];
    for (const key of owned) {
      const takesExtra = share.length === floor && extras > 0;
      if (share.length >= floor && !takesExtra) break;
      if (!free.delete(key)) continue;
      if (takesExtra) extras -= 1;
      share.push(key);
    }
  }
  for (const key of free) {
    const [first, ...others] = [...shares.values()];
    if (first === undefined) break;
    others.reduce((least, share) => (share.length < least.length ? share : least), first).push(key);
  }
  return shares;
}
