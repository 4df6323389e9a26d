/** Terms smaller than this beside the largest change no digit of the sum. */
const NEGLIGIBLE = 1e-30;

/**
 * The smallest number of failures k among `devices` with P(at least k) ≤ `share`, when each fails
 * with probability `tolerated`. `devices + 1` says that no number of failures is that improbable.
 *
 * Exact: the binomial terms are built outwards from the most probable count by the ratio of
 * neighbours and divided by their own sum, so no factorial is needed and nothing under- or overflows.
 * Takes about √devices steps.
 */
export function countBoundary(devices: number, tolerated: number, share: number): number {
  const odds = tolerated / (1 - tolerated);
  const mode = Math.min(devices, Math.floor((devices + 1) * tolerated));
  const above: number[] = [];
  let term = 1;
  for (let k = mode; k < devices; k += 1) {
    term *= ((devices - k) / (k + 1)) * odds;
    if (term < NEGLIGIBLE) break;
    above.push(term);
  }
  const below: number[] = [];
  term = 1;
  for (let k = mode; k > 0; k -= 1) {
    term *= k / ((devices - k + 1) * odds);
    if (term < NEGLIGIBLE) break;
    below.push(term);
  }
  // Summed from the far end, smallest terms first, so that the sum keeps them.
  const byCount = [...below.toReversed(), 1, ...above];
  const limit = share * (sumFromEnd(above) + 1 + sumFromEnd(below));
  let boundary = mode + above.length + 1;
  let tail = 0;
  for (let i = byCount.length - 1; i >= 0; i -= 1) {
    tail += byCount[i] ?? 0;
    if (tail > limit) break;
    boundary -= 1;
  }
  return boundary;
}

function sumFromEnd(terms: readonly number[]): number {
  return terms.reduceRight((sum, term) => sum + term, 0);
}
