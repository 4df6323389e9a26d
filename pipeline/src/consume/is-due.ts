export interface Waiting {
  readonly isStoring: boolean;
  readonly backlogRecords: number;
  /** When the records were first seen waiting, or null when it was not noted. */
  readonly waitingSinceMs: number | null;
}

/**
 * Whether to encode the next range now. While one is being stored, waiting costs nothing, so only a
 * backlog is encoded ahead; otherwise records wait up to `maxAgeMs` for company.
 */
export function isDue(
  { isStoring, backlogRecords, waitingSinceMs }: Waiting,
  limits: { readonly aheadRecords: number; readonly maxAgeMs: number },
  nowMs: number,
): boolean {
  if (backlogRecords <= 0) return false;
  if (backlogRecords >= limits.aheadRecords) return true;
  if (isStoring) return false;
  return nowMs - (waitingSinceMs ?? nowMs) >= limits.maxAgeMs;
}
