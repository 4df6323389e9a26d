import type { TopicPartition } from '@flotilla/event-log';
import { batchKey } from '../load/batch-ledger.ts';
import type { EncodedRange } from './encoded-range.ts';

/** How far one partition is: at most one range encoded ahead, and one being stored. */
export class PartitionProgress {
  readonly partition: TopicPartition;
  /** The next offset to encode. */
  offset: number;
  /** Encoded, and not yet committed as pending. */
  ahead: EncodedRange | null = null;
  /** Committed as pending, being stored. */
  storing: EncodedRange | null = null;
  /** Stored, and not yet committed as done. */
  stored: EncodedRange | null = null;
  /** When the records at `offset` were first seen waiting, or null while there are none. */
  waitingSinceMs: number | null = null;

  constructor(partition: TopicPartition, offset: number) {
    this.partition = partition;
    this.offset = offset;
  }

  /** Everything before it is stored. */
  get storedOffset(): number {
    return this.storing?.range.start ?? this.ahead?.range.start ?? this.offset;
  }

  /** Batches encoded that the ledger may not know yet. */
  unstored(): Set<string> {
    return new Set((this.storing?.batches ?? []).map(batchKey));
  }
}

/**
 * Whether to encode the next range now. While one is being stored, waiting costs nothing, so only a
 * backlog is encoded ahead; otherwise records wait up to `maxAgeMs` for company.
 */
export function isDue(
  progress: Pick<PartitionProgress, 'storing' | 'waitingSinceMs'>,
  backlogRecords: number,
  limits: { readonly aheadRecords: number; readonly maxAgeMs: number },
  nowMs: number,
): boolean {
  if (backlogRecords <= 0) return false;
  if (backlogRecords >= limits.aheadRecords) return true;
  if (progress.storing !== null) return false;
  return nowMs - (progress.waitingSinceMs ?? nowMs) >= limits.maxAgeMs;
}
