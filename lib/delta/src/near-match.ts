/** How far, in bytes of base, a small insertion or deletion may move the alignment. */
export const NEAR_BYTES = 48;
/** Target bytes that may pass before the near alignment takes hold. */
const MAX_DELAY = 12;
/** It must agree in at least so many bytes at once, to be told from chance. */
const MIN_RUN = 8;
/** What a far jump costs, in bytes of match. */
const FAR_JUMP_COST = 16;

export interface NearMatch {
  readonly targetOffset: number;
  readonly baseOffset: number;
}

/**
 * An alignment close to the present one that explains target bytes [at, at + length) nearly as well
 * as an exact match elsewhere; null when there is none. Taking it spares a far jump, and jumps are
 * most of what a patch between texts is made of.
 */
export function findNearMatch(
  base: Uint8Array,
  target: Uint8Array,
  at: number,
  length: number,
  shift: number,
): NearMatch | null {
  const end = at + length;
  const lastStart = Math.min(at + MAX_DELAY, end - MIN_RUN);
  for (let from = at; from <= lastStart; from++) {
    for (let distance = 1; distance <= NEAR_BYTES; distance++) {
      for (let side = -1; side <= 1; side += 2) {
        const baseOffset = from + shift + side * distance;
        if (baseOffset < 0 || base[baseOffset] !== target[from]) continue;
        if (!agreesFor(base, target, baseOffset, from, MIN_RUN)) continue;
        // Bytes passed before it takes hold count as missed.
        const mostMisses = FAR_JUMP_COST - (from - at);
        if (missesAtMost(mostMisses, base, target, baseOffset, from, end - from)) {
          return { targetOffset: from, baseOffset };
        }
      }
    }
  }
  return null;
}

function agreesFor(
  base: Uint8Array,
  target: Uint8Array,
  baseOffset: number,
  targetOffset: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    if (base[baseOffset + i] !== target[targetOffset + i]) return false;
  }
  return true;
}

/** Ends at the first miss too many: most candidates fail within a few bytes, and there are many. */
function missesAtMost(
  most: number,
  base: Uint8Array,
  target: Uint8Array,
  baseOffset: number,
  targetOffset: number,
  length: number,
): boolean {
  let left = most;
  for (let i = 0; i < length; i++) {
    if (base[baseOffset + i] !== target[targetOffset + i] && --left < 0) return false;
  }
  return left >= 0;
}
