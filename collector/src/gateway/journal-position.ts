import type { LogConsumer, TopicPartition } from '@flotilla/event-log';
import type { DiskQueue } from '@flotilla/otlp-queue';
import { z } from 'zod';
import { counterRecordSchema } from './domain/counter-record.ts';

/** What the queue's file says of a topic of the journal. */
const markSchema = z.object({
  /** The next offset to move, by partition. */
  position: z.record(z.string(), z.number().int()),
  /** Totals as they were there; metrics only. */
  counters: counterRecordSchema.optional(),
});
export type JournalMark = z.output<typeof markSchema>;

/** Throws when the mark cannot be read. Null when there is none. */
export function readMark(queue: DiskQueue, topic: string): JournalMark | null {
  const value = queue.mark(topic);
  return value === null ? null : markSchema.parse(JSON.parse(value));
}

export function writeMark(mark: z.input<typeof markSchema>): string {
  return JSON.stringify(mark);
}

/**
 * Where to go on: at the mark, which moved with what was enqueued. Without one the queue's file is
 * new, and what was moved into an earlier one must not be moved twice: the journal remembers, too.
 */
export async function startOffset(
  consumer: LogConsumer,
  partition: TopicPartition,
  mark: JournalMark | null,
): Promise<number> {
  const moved = mark?.position[String(partition.partition)];
  const offset = moved ?? (await consumer.committed(partition))?.offset ?? 0;
  // A journal that ends before the mark is a new one.
  return offset > (await consumer.endOffset(partition)) ? 0 : offset;
}
