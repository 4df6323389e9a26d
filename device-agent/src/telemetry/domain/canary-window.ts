import { z } from 'zod';

/** The time around an update in which logs are kept in full; wall-clock ms. */
export const canaryWindowSchema = z.object({ openedAtMs: z.number(), closesAtMs: z.number() });
export type CanaryWindow = Readonly<z.output<typeof canaryWindowSchema>>;

export interface CanaryRules {
  /** Stays open this long after the update's outcome. */
  readonly afterMs: number;
  /** A trial without an outcome holds it open no longer than this. */
  readonly maxTrialMs: number;
}

/**
 * What an update report does to the window: a trial opens it, an outcome after a boot of the new
 * firmware sets its end. An update that failed before it ever booted leaves it alone.
 */
export function afterUpdateReport(
  window: CanaryWindow | null,
  state: string,
  rules: CanaryRules,
  nowMs: number,
): CanaryWindow | null {
  if (state === 'trial') return { openedAtMs: nowMs, closesAtMs: nowMs + rules.maxTrialMs };
  const isOpen = isInWindow(window, rules, nowMs);
  if (state === 'rolled_back' || ((state === 'confirmed' || state === 'failed') && isOpen)) {
    const openedAtMs = isOpen && window !== null ? window.openedAtMs : nowMs;
    return { openedAtMs, closesAtMs: nowMs + rules.afterMs };
  }
  return window;
}

/** A clock set back by far must not hold a window open for years: it also ends by its own length. */
export function isInWindow(
  window: CanaryWindow | null,
  rules: CanaryRules,
  nowMs: number,
): boolean {
  if (window === null || nowMs >= window.closesAtMs) return false;
  return window.closesAtMs - nowMs <= Math.max(rules.afterMs, rules.maxTrialMs);
}
