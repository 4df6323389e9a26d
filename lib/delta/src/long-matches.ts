import { ANCHOR_BYTES, roll } from './anchor-index.ts';
import type { CachedImage } from './cached-image.ts';

/** Shorter ones are left to the fine search, which finds better places. */
const MIN_LONG_BYTES = 4096;

/** Target bytes [targetOffset, targetOffset + length) that stand in the base as they are. */
export interface LongMatch {
  readonly targetOffset: number;
  readonly baseOffset: number;
  readonly length: number;
}

/**
 * Long exact matches of a block, in order and apart; `blockOffset` is where the block lies in its
 * image, for a place of the same number is the likeliest. `onAnchor` hears of every place in the
 * base where some bytes of the target stand, long or not. `find` gives a place by its hash; one
 * outside the base is none.
 */
export function findLongMatches(
  target: Uint8Array,
  blockOffset: number,
  base: CachedImage,
  find: (hash: number) => number,
  onAnchor: (baseOffset: number, length: number) => void,
): LongMatch[] {
  const matches: LongMatch[] = [];
  let covered = 0;
  /** Up to here a short match was followed already. */
  let followed = 0;
  let shift = blockOffset;
  let hash = 0;
  let hashed = 0;
  for (let at = 0; at + ANCHOR_BYTES <= target.length;) {
    if (hashed === 0) {
      for (let i = at; i < at + ANCHOR_BYTES; i++) hash = roll(hash, target[i] as number);
      hashed = ANCHOR_BYTES;
    }
    const found = at < followed ? -1 : find(hash);
    // At a block's start and after a match the alignment in force comes first: zeros have no anchor.
    const candidates = at === covered ? [at + shift, at + blockOffset, found] : [found];
    const match = firstLong(candidates, at, covered);
    if (match !== null) {
      matches.push(match);
      covered = at = match.targetOffset + match.length;
      shift = match.baseOffset - match.targetOffset;
      hash = hashed = 0;
      continue;
    }
    hash = roll(hash, target[at + ANCHOR_BYTES] ?? 0, target[at]);
    at++;
  }
  return matches;

  function firstLong(places: readonly number[], at: number, from: number): LongMatch | null {
    for (const place of places) {
      if (place < 0) continue;
      const forward = base.agreesForward(place, target, at);
      if (forward < ANCHOR_BYTES) continue;
      onAnchor(place, forward);
      followed = Math.max(followed, at + forward);
      const backward = base.agreesBackward(place, target, at, at - from);
      const length = forward + backward;
      if (length < MIN_LONG_BYTES) continue;
      return { targetOffset: at - backward, baseOffset: place - backward, length };
    }
    return null;
  }
}
