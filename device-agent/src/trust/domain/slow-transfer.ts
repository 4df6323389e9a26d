/** How slow an answer may be before it is an attack or a dead line (TUF 1.0.31, 1.5.2, slow retrieval). */
export interface PaceRule {
  /** An answer may take so long before it must have shown any pace. */
  readonly graceMs: number;
  readonly minBytesPerSecond: number;
  /** However fast it is. */
  readonly maxMs: number;
}

/** Whether an answer that is still under way has fallen behind the least pace. */
export function isTooSlow(elapsedMs: number, receivedBytes: number, rule: PaceRule): boolean {
  const dueMs = rule.graceMs + (receivedBytes / rule.minBytesPerSecond) * 1000;
  return elapsedMs > Math.min(dueMs, rule.maxMs);
}
