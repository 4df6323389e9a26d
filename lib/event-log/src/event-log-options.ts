import type { EventLog } from './event-log.ts';

/** `maxBytes`, the retentions, `trimIntervalMs` and `joinTimeoutMs` are the embedded log's alone. */
export interface EventLogOptions {
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Partitions of a topic that does not exist yet; an existing one keeps its number. */
  readonly partitions?: number;
  /** Bound over all topics; an append beyond it is refused with LogFullError. */
  readonly maxBytes?: number;
  readonly maxRecordBytes?: number;
  /** Records that every group has committed are kept this long … */
  readonly retentionMs?: number;
  /** … unless the log is larger than this. */
  readonly retainBytes?: number;
  /** Topics that no group ever subscribed to keep their records this long. */
  readonly unreadRetentionMs?: number;
  readonly trimIntervalMs?: number;
  /** How long an operation waits for other processes' writes before LogUnavailableError. */
  readonly writeTimeoutMs?: number;
  /** How long `consumer` waits for a living holder of the group before GroupHeldError. */
  readonly joinTimeoutMs?: number;
  /** After this long without a sign of life a holder on another host, or a member on Kafka, counts as gone. */
  readonly leaseMs?: number;
}

export type ResolvedOptions = Required<EventLogOptions>;

const GIB = 1024 ** 3;

export function resolveOptions(options: EventLogOptions): ResolvedOptions {
  const maxBytes = options.maxBytes ?? 4 * GIB;
  const resolved = {
    clock: () => Date.now(),
    partitions: 1,
    maxBytes,
    maxRecordBytes: 16 * 1024 * 1024,
    retentionMs: 24 * 3_600_000,
    retainBytes: Math.floor(maxBytes / 2),
    unreadRetentionMs: 7 * 24 * 3_600_000,
    trimIntervalMs: 5_000,
    writeTimeoutMs: 10_000,
    joinTimeoutMs: 5_000,
    leaseMs: 10_000,
    ...options,
  };
  if (!Number.isInteger(resolved.partitions) || resolved.partitions < 1) {
    throw new RangeError(`partitions must be a whole number from 1, got ${resolved.partitions}`);
  }
  return resolved;
}

/**
 * What this process answers for. Embedded: everything stored. Kafka: what is appended here and not
 * answered for by the brokers yet; what they store, their own metrics show.
 */
export interface LogStats {
  /** Keys, values and headers. */
  readonly sizeBytes: number;
  /** At which an append is refused with LogFullError. */
  readonly maxBytes: number;
  readonly records: number;
}

/** A log that can say how full it is; `stats` rejects when the log cannot be reached. */
export interface MeasuredEventLog extends EventLog {
  stats(): Promise<LogStats>;
}
