/** A topic, key, header or position that the log does not take; the caller's fault, so no retry helps. */
export class InvalidRecordError extends Error {
  override readonly name = 'InvalidRecordError';
}

/** The log's address cannot be used. */
export class EventLogUrlError extends Error {
  override readonly name = 'EventLogUrlError';
}

/** The log could not be reached or written in time; nothing is known to be durable. Try again. */
export class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError';
}

/** Used after close. */
export class LogClosedError extends Error {
  override readonly name = 'LogClosedError';
}

/** Another living member holds the consumer group. */
export class GroupHeldError extends Error {
  override readonly name = 'GroupHeldError';
}

/** This member's hold on its group went to another one; stop processing, nothing was committed. */
export class GroupLostError extends Error {
  override readonly name = 'GroupLostError';
}

/**
 * The partition went to another member of the group; its position must be read anew before it is
 * processed again, and nothing was committed. The member itself lives on with its other partitions.
 */
export class PartitionLostError extends Error {
  override readonly name = 'PartitionLostError';
}

/**
 * A group committed an offset beyond the end of its partition: the topic was made anew or lost its tail.
 * Nothing would be read until the end has passed it, and what came before would never be read; somebody
 * has to decide where the group goes on.
 */
export class OffsetBeyondEndError extends Error {
  override readonly name = 'OffsetBeyondEndError';
}
