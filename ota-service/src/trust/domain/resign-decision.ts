/** Signed anew once half of its time is over, so that a night without this service harms nobody. */
export function isDue(expiresAtMs: number, validityMs: number, nowMs: number): boolean {
  return nowMs >= expiresAtMs - validityMs / 2;
}
