/** Uniform in [0, 1), 32 bits; the mulberry32 generator. The same seed gives the same numbers. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many devices until the next one fails, that one included, when each fails with `probability`. */
export function geometricGaps(random: () => number, probability: number): () => number {
  const logSuccess = Math.log1p(-probability);
  return () => 1 + Math.floor(Math.log1p(-random()) / logSuccess);
}
