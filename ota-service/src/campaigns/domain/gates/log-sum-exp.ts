/** ln Σ exp(term), without overflow; -Infinity when no term is finite. */
export function logSumExp(terms: readonly number[]): number {
  const highest = Math.max(...terms);
  if (highest === -Infinity) return -Infinity;
  return highest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - highest), 0));
}
