/** Memory of a process at one moment, in MiB. */
export interface MemoryLook {
  /** After how many inputs. */
  readonly inputs: number;
  /** In and beside the JavaScript heap after a full collection. */
  readonly held: number;
  /** Anonymous pages, resident or swapped out. */
  readonly ownPages: number;
}

/** How much memory grows while work of the same kind goes on, in bytes an input. */
export interface MemoryGrowth {
  readonly heldBytesPerInput: number;
  readonly ownBytesPerInput: number;
}

const MIB = 1024 * 1024;

/**
 * Growth over the later half of `looks`, of which there are at least four. A process takes memory for
 * code, pools and fragments for a while, ever less; a leak goes on at its pace. Theil–Sen: the median of
 * the slopes between all pairs, so that one odd look decides nothing.
 */
export function growthOf(looks: readonly MemoryLook[]): MemoryGrowth {
  const later = looks.slice(Math.floor(looks.length / 2) - 1);
  if (looks.length < 4) throw new RangeError('four looks at least show a course');
  return {
    heldBytesPerInput: slope(later, ({ held }) => held) * MIB,
    ownBytesPerInput: slope(later, ({ ownPages }) => ownPages) * MIB,
  };
}

function slope(looks: readonly MemoryLook[], of: (look: MemoryLook) => number): number {
  const slopes = looks.flatMap((from, i) =>
    looks.slice(i + 1).map((to) => (of(to) - of(from)) / (to.inputs - from.inputs)),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length >> 1;
  const upper = slopes[middle] ?? NaN;
  return slopes.length % 2 === 1 ? upper : ((slopes[middle - 1] ?? NaN) + upper) / 2;
}
