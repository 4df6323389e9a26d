export interface RecordAge {
  readonly offset: number;
  readonly appendedAtMs: number;
  readonly sizeBytes: number;
}

export interface RetentionRule {
  readonly nowMs: number;
  readonly retentionMs: number;
  /** Bytes the log is over its target; they go whatever their age. */
  readonly excessBytes: number;
}

export interface TrimDecision {
  /** Records below this offset go; null when none does. */
  readonly beforeOffset: number | null;
  readonly freedBytes: number;
}

/** Which of a partition's oldest records, in offset order and all committed, are no longer kept. */
export function decideTrim(oldest: readonly RecordAge[], rule: RetentionRule): TrimDecision {
  let freedBytes = 0;
  let beforeOffset: number | null = null;
  for (const record of oldest) {
    const expired = rule.nowMs - record.appendedAtMs > rule.retentionMs;
    if (!expired && freedBytes >= rule.excessBytes) break;
    freedBytes += record.sizeBytes;
    beforeOffset = record.offset + 1;
  }
  return { beforeOffset, freedBytes };
}

/**
 * Up to where records may go, and after how long. A topic nobody ever subscribed to has no reader to
 * wait for; there only age counts, never the log's size.
 */
export function trimBound(
  groups: number,
  committedFloor: number | null,
  ages: { readonly retentionMs: number; readonly unreadRetentionMs: number },
): { readonly floor: number; readonly retentionMs: number; readonly bySize: boolean } {
  if (groups === 0) {
    return {
      floor: Number.MAX_SAFE_INTEGER,
      retentionMs: ages.unreadRetentionMs,
      bySize: false,
    };
  }
  return { floor: committedFloor ?? 0, retentionMs: ages.retentionMs, bySize: true };
}
