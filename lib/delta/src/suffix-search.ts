/** A longer match is found in several steps; so one search costs at most this many comparisons. */
const MAX_MATCH = 4096;

/** The longest prefix of a piece of target found anywhere in the base. */
export class SuffixSearch {
  /** Base offset of the last match. */
  position = 0;

  readonly #base: Uint8Array;
  readonly #order: Int32Array;

  constructor(base: Uint8Array, order: Int32Array) {
    this.#base = base;
    this.#order = order;
  }

  /** Length of the match (0 when there is none); its place is left in `position`. */
  longestMatch(target: Uint8Array, from: number): number {
    const base = this.#base;
    const order = this.#order;
    const limit = Math.min(target.length - from, MAX_MATCH);
    let low = 0;
    let high = order.length - 1;
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
}
