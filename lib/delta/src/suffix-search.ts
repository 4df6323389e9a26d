/** A longer match is found in several steps; so one search costs at most this many comparisons. */
const MAX_MATCH = 4096;

/** Equally long matches looked at on either side. */
const MAX_NEIGHBOURS = 32;
/** Bytes compared for that on either side: runs of one byte match long and everywhere. */
const MAX_COMPARED = 4096;

const PAIRS = 65536;

/** The longest prefix of a piece of target found anywhere in the base. */
export class SuffixSearch {
  readonly base: Uint8Array;
  /** Base offset of the last match. */
  position = 0;

  #rank = 0;
  readonly #order: Int32Array;
  /** Rank of the first suffix that begins with each two bytes, or with more. */
  readonly #first: Int32Array;

  constructor(base: Uint8Array, order: Int32Array) {
    this.base = base;
    this.#order = order;
    this.#first = rankPairs(base);
  }

  /** Length of the match (0 when there is none); its place is left in `position`. */
  longestMatch(target: Uint8Array, from: number): number {
    const base = this.base;
    const order = this.#order;
    const limit = Math.min(target.length - from, MAX_MATCH);
    const pair = limit < 2 ? -1 : pairAt(target, from);
    let low = pair < 0 ? 0 : (this.#first[pair] as number);
    let high = (pair < 0 ? order.length : (this.#first[pair + 1] as number)) - 1;
    if (low > high) {
      // The two bytes stand nowhere: one of them, perhaps.
      low = 0;
      high = order.length - 1;
    }
    let lowLength = 0;
    let highLength = 0;
    let best = 0;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const start = order[middle] as number;
      // Every suffix between two bounds shares their common prefix with the target.
      let length = lowLength < highLength ? lowLength : highLength;
      const end = Math.min(limit, base.length - start);
      while (length < end && base[start + length] === target[from + length]) length++;
      if (length > best) {
        best = length;
        this.position = start;
        this.#rank = middle;
      }
      if (length === limit) break;
      const baseIsSmaller =
        length === base.length - start ||
        (base[start + length] as number) < (target[from + length] as number);
      if (baseIsSmaller) {
        low = middle + 1;
        lowLength = length;
      } else {
        high = middle - 1;
        highLength = length;
      }
    }
    return best;
  }

  /** Of the places that match as long as the last one found, a near one to `wanted`. */
  nearest(target: Uint8Array, from: number, length: number, wanted: number): number {
    const steps = Math.min(MAX_NEIGHBOURS, Math.ceil(MAX_COMPARED / length));
    let nearest = this.position;
    for (const side of [-1, 1]) {
      for (let i = 1; i <= steps; i++) {
        const start = this.#order[this.#rank + i * side];
        if (start === undefined || !this.#matches(target, from, start, length)) break;
        if (Math.abs(start - wanted) < Math.abs(nearest - wanted)) nearest = start;
      }
    }
    return nearest;
  }

  #matches(target: Uint8Array, from: number, start: number, length: number): boolean {
    if (start + length > this.base.length) return false;
    let i = 0;
    while (i < length && this.base[start + i] === target[from + i]) i++;
    return i === length;
  }
}

/** The last byte stands alone, and sorts as if a zero followed. */
function pairAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
}

function rankPairs(base: Uint8Array): Int32Array {
  const first = new Int32Array(PAIRS + 1);
  for (let i = 0; i < base.length; i++) {
    const next = pairAt(base, i) + 1;
    first[next] = (first[next] as number) + 1;
  }
  for (let pair = 0; pair < PAIRS; pair++) {
    first[pair + 1] = (first[pair + 1] as number) + (first[pair] as number);
  }
  return first;
}
