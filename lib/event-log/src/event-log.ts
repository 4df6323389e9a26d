/** A record to append. `key` chooses the partition, so one device's records keep their order. */
export interface LogRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * A record as read back. Offsets rise within a partition and are never used again; the embedded log
 * leaves no gaps, Kafka does where a transaction ended or compaction took records. A record that
 * others wrote to Kafka may have the empty key, no headers and an empty value.
 */
export interface StoredRecord extends LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly appendedAtMs: number;
}

/**
 * Header of a record that stands for a whole batch which could not be read, with the reason; its value
 * is the batch as it was stored. Only of a log on Kafka, where others write too.
 */
export const HEADER_UNREADABLE_BATCH = 'flotilla-unreadable-batch';

/** Position of a consumer group: the next offset to process, and what it wrote down beside it. */
export interface CommittedPosition {
  readonly offset: number;
  readonly metadata: string;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ReadLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/**
 * One member of a consumer group. Not safe for concurrent calls; call in a loop. When a partition
 * goes to another member, even if it has come back since, the next read or commit of it rejects with
 * PartitionLostError once; then `committed` says where to go on.
 */
export interface LogConsumer {
  /** The partitions this member owns now; on a log whose groups share work, they change over time. */
  assignment(): Promise<TopicPartition[]>;
  /**
   * What the group committed last, or null when it never did. Rejects with OffsetBeyondEndError when
   * that lies beyond the partition's end.
   */
  committed(partition: TopicPartition): Promise<CommittedPosition | null>;
  /** The end: the offset the next appended record will get. */
  endOffset(partition: TopicPartition): Promise<number>;
  /**
   * Records from `offset` in order, within the limits; at least one when there is one; [] at the end.
   * Below the oldest record still kept, it starts there.
   */
  read(partition: TopicPartition, offset: number, limits: ReadLimits): Promise<StoredRecord[]>;
  /**
   * Durable when it resolves; rejects with PartitionLostError when the partition went to another
   * member, and with GroupLostError when this member is out of the group altogether.
   */
  commit(partition: TopicPartition, position: CommittedPosition): Promise<void>;
  /** Resolves when something was appended since the last call, after `timeoutMs`, or at an abort. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * The telemetry log: ordered, durable, partitioned by key. Two implementations share one contract
 * (and one test-suite, `testing/event-log-contract.ts`): embedded on node:sqlite, and Kafka.
 */
export interface EventLog {
  /**
   * Resolves once all records are on disk; rejects with LogFullError when the bound is reached (then
   * nothing of this call was written) and with InvalidRecordError for a topic or record it does not
   * take. With LogUnavailableError nobody knows what was written: on Kafka some of the records may
   * be there, and a retry may double them. The caller retries; what Kafka's log repeats by itself it
   * writes once. Values must not be changed until it settles.
   */
  append(topic: string, records: readonly LogRecord[]): Promise<void>;
  /**
   * Joins the group. The embedded log gives a group one member at a time: it waits for a living one,
   * then rejects with GroupHeldError, and from a group's first join on keeps what the group has not
   * committed. Kafka shares the partitions out among the members.
   */
  consumer(group: string, topics: readonly string[]): Promise<LogConsumer>;
  /** Safe to call twice; flushes what is pending. */
  close(): Promise<void>;
}

/** The log's size bound is reached; try again once consumers have moved on. */
export class LogFullError extends Error {
  override readonly name = 'LogFullError';
}
