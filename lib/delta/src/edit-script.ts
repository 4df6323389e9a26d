import { findNearMatch, NEAR_BYTES } from './near-match.ts';
import type { SuffixSearch } from './suffix-search.ts';

/**
 * One step of a patch: `copyLength` target bytes that resemble the base at `baseOffset`, then
 * `literalLength` bytes that resemble nothing there.
 */
export interface Edit {
  readonly baseOffset: number;
  readonly copyLength: number;
  readonly literalLength: number;
}

/** How many bytes a new alignment must win over the present one before it is taken. */
const MIN_GAIN_NEAR = 8;
/** So many bytes that the present alignment explains are passed without a search. */
const MIN_RUN = 32;
/** From this length on a match that wins nothing is skipped over in halves, not byte by byte. */
const SKIP_FROM = 64;
/**
 * How far back into the last alignment the next one may reach. In periodic bytes every alignment
 * agrees with everything before it, and going all the way back at each would take quadratic time.
 */
const MAX_OVERLAP = 1024;

/**
 * Approximate matching after Colin Percival, "Naive differences of executable code" (2003): exact
 * matches seed alignments, which grow in both directions while at least half of the bytes agree.
 *
 * `minGainFar` is how many bytes an alignment must win when it takes a far jump to reach: a jump
 * costs two to three bytes, which is more than a short piece of text costs as literals, and less
 * than a piece of machine code does. The target is supposed to begin at `firstBaseOffset`.
 */
export function* findEdits(
  search: SuffixSearch,
  target: Uint8Array,
  minGainFar: number,
  firstBaseOffset = 0,
): Generator<Edit> {
  const { base } = search;
  const scan = new AlignmentScan(base, target, search, minGainFar);
  // The alignment in force: target offset `start` lies on base offset `baseStart`.
  let start = 0;
  let baseStart = firstBaseOffset;
  for (;;) {
    const next = scan.nextAlignment(baseStart - start);
    let forward = extendForward(base, target, start, baseStart, next.targetOffset);
    let backward = 0;
    if (next.targetOffset < target.length) {
      const from = Math.max(start, start + forward - MAX_OVERLAP);
      backward = extendBackward(base, target, from, next.targetOffset, next.baseOffset);
    }
    const overlap = start + forward - (next.targetOffset - backward);
    if (overlap > 0) {
      const keep = splitOverlap(base, target, {
        left: start + forward - overlap,
        leftBase: baseStart + forward - overlap,
        rightBase: next.baseOffset - backward,
        length: overlap,
      });
      forward += keep - overlap;
      backward -= keep;
    }
    const literalLength = next.targetOffset - backward - (start + forward);
    if (forward + literalLength > 0) {
      yield { baseOffset: baseStart, copyLength: forward, literalLength };
    }
    if (next.targetOffset >= target.length) return;
    start = next.targetOffset - backward;
    baseStart = next.baseOffset - backward;
  }
}

interface Alignment {
  readonly targetOffset: number;
  readonly baseOffset: number;
}

class AlignmentScan {
  #at = 0;
  #matched = 0;
  readonly #base: Uint8Array;
  readonly #target: Uint8Array;
  readonly #search: SuffixSearch;
  readonly #minGainFar: number;

  constructor(base: Uint8Array, target: Uint8Array, search: SuffixSearch, minGainFar: number) {
    this.#minGainFar = minGainFar;
    this.#base = base;
    this.#target = target;
    this.#search = search;
  }

  /** The next place where another alignment beats the one given (base offset minus target offset). */
  nextAlignment(shift: number): Alignment {
    const target = this.#target;
    let agreed = 0;
    this.#at += this.#matched;
    let counted = this.#at;
    while (this.#at < target.length) {
      const run = this.#run(shift);
      if (run >= MIN_RUN) {
        this.#at += run;
        agreed = 0;
        counted = this.#at;
        continue;
      }
      const length = this.#search.longestMatch(target, this.#at);
      this.#matched = length;
      for (; counted < this.#at + length; counted++) agreed += this.#agrees(counted, shift);
      if (length === agreed && length !== 0) {
        // The match is the present alignment going on.
        this.#at += length;
        agreed = 0;
        counted = this.#at;
        continue;
      }
      if (length > agreed + MIN_GAIN_NEAR) {
        const found = this.#choose(length, shift, length > agreed + this.#minGainFar);
        if (found !== null) return found;
      }
      const step = length >= SKIP_FROM ? length >> 1 : 1;
      for (let i = 0; i < step; i++) agreed -= this.#agrees(this.#at + i, shift);
      this.#at += step;
      if (counted < this.#at) {
        counted = this.#at;
        agreed = 0;
      }
    }
    return { targetOffset: target.length, baseOffset: 0 };
  }

  /** Near matches are cheap to reach; a far one must be worth its jump. */
  #choose(length: number, shift: number, isWorthJump: boolean): Alignment | null {
    const at = this.#at;
    const baseOffset = this.#search.nearest(this.#target, at, length, at + shift);
    if (Math.abs(baseOffset - at - shift) <= NEAR_BYTES) return { targetOffset: at, baseOffset };
    const near = findNearMatch(this.#base, this.#target, at, length, shift);
    if (near !== null) {
      this.#at = near.targetOffset;
      // It agrees from here on for a while; the next search starts past its first bytes.
      this.#matched = 1;
      return near;
    }
    return isWorthJump ? { targetOffset: at, baseOffset } : null;
  }

  /** Bytes from here on that the present alignment explains, one after the other. */
  #run(shift: number): number {
    const from = this.#at;
    const end = Math.min(this.#target.length, this.#base.length - shift);
    if (from + shift < 0) return 0;
    let at = from;
    while (at < end && this.#base[at + shift] === this.#target[at]) at++;
    return at - from;
  }

  #agrees(targetOffset: number, shift: number): number {
    const at = targetOffset + shift;
    return at >= 0 && at < this.#base.length && this.#base[at] === this.#target[targetOffset]
      ? 1
      : 0;
  }
}

function extendForward(
  base: Uint8Array,
  target: Uint8Array,
  start: number,
  baseStart: number,
  end: number,
): number {
  const limit = Math.min(end - start, base.length - baseStart);
  let agreed = 0;
  let best = 0;
  let length = 0;
  for (let i = 0; i < limit;) {
    if (target[start + i] === base[baseStart + i]) agreed++;
    i++;
    if (agreed * 2 - i > best * 2 - length) {
      best = agreed;
      length = i;
    }
  }
  return length;
}

function extendBackward(
  base: Uint8Array,
  target: Uint8Array,
  start: number,
  end: number,
  baseEnd: number,
): number {
  const limit = Math.min(end - start, baseEnd);
  let agreed = 0;
  let best = 0;
  let length = 0;
  for (let i = 1; i <= limit; i++) {
    if (target[end - i] === base[baseEnd - i]) agreed++;
    if (agreed * 2 - i > best * 2 - length) {
      best = agreed;
      length = i;
    }
  }
  return length;
}

interface Overlap {
  readonly left: number;
  readonly leftBase: number;
  readonly rightBase: number;
  readonly length: number;
}

/** How many bytes of the overlap the left alignment keeps so that most bytes agree. */
function splitOverlap(base: Uint8Array, target: Uint8Array, overlap: Overlap): number {
  const { left, leftBase, rightBase, length } = overlap;
  let score = 0;
  let best = 0;
  let keep = 0;
  for (let i = 0; i < length; i++) {
    if (target[left + i] === base[leftBase + i]) score++;
    if (target[left + i] === base[rightBase + i]) score--;
    if (score > best) {
      best = score;
      keep = i + 1;
    }
  }
  return keep;
}
