import { z } from 'zod';
import type { CommittedPosition } from '@flotilla/event-log';

/** Records [start, end) of one partition. */
export interface OffsetRange {
  readonly start: number;
  readonly end: number;
}

export interface PendingRange extends OffsetRange {
  /** The insert it shares with ranges of other partitions, or null when it has its own. */
  readonly insert: string | null;
}

const metadataSchema = z.object({
  pendingEnd: z.number().int().nonnegative(),
  insert: z.string().min(1).optional(),
});

/** Metadata that says: the records up to `end` may be stored already. Committed before they are. */
export function pendingPosition(
  range: OffsetRange,
  insert: string | null = null,
): CommittedPosition {
  const metadata = { pendingEnd: range.end, ...(insert !== null && { insert }) };
  return { offset: range.start, metadata: JSON.stringify(metadata) };
}

export function donePosition(range: OffsetRange): CommittedPosition {
  return { offset: range.end, metadata: '' };
}

/** Written by something else, or by a later version: guessing would lose or double rows. */
export class UnreadablePositionError extends Error {
  override readonly name = 'UnreadablePositionError';
}

/** The range that was under way when `position` was committed, or null when none was. */
export function pendingRange(position: CommittedPosition): PendingRange | null {
  if (position.metadata === '') return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(position.metadata);
  } catch (cause) {
    throw new UnreadablePositionError(`the committed metadata is no JSON`, { cause });
  }
  const result = metadataSchema.safeParse(parsed);
  if (!result.success || result.data.pendingEnd <= position.offset) {
    throw new UnreadablePositionError(`the committed metadata is ${position.metadata}`);
  }
  const { pendingEnd, insert = null } = result.data;
  return { start: position.offset, end: pendingEnd, insert };
}
