/** A token bucket over log lines, so that chatty firmware cannot fill the telemetry queue. */
export interface LineBudget {
  readonly tokens: number;
  readonly refilledAtMs: number;
  /** Lines dropped since the last one that passed. */
  readonly dropped: number;
}

export interface LineRate {
  readonly linesPerSecond: number;
  readonly burst: number;
}

export function fullBudget(rate: LineRate, nowMs: number): LineBudget {
  return { tokens: rate.burst, refilledAtMs: nowMs, dropped: 0 };
}

/** `admitted` null: drop the line. Otherwise the number of lines dropped before it. */
export function spendLine(
  budget: LineBudget,
  rate: LineRate,
  nowMs: number,
): { readonly budget: LineBudget; readonly admitted: { readonly droppedBefore: number } | null } {
  const elapsedMs = Math.max(0, nowMs - budget.refilledAtMs);
  const refilled = budget.tokens + (elapsedMs * rate.linesPerSecond) / 1000;
  const tokens = Math.min(rate.burst, refilled);
  if (tokens < 1) {
    const dropped = budget.dropped + 1;
    return { budget: { tokens, refilledAtMs: nowMs, dropped }, admitted: null };
  }
  return {
    budget: { tokens: tokens - 1, refilledAtMs: nowMs, dropped: 0 },
    admitted: { droppedBefore: budget.dropped },
  };
}
