import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogFullError, type LogRecord } from '../event-log.ts';
import type { ResolvedOptions } from '../event-log-options.ts';
import { partitionForKey } from '../partition-for-key.ts';
import { writeTransaction } from './log-database.ts';
import type { PartitionRow, Statements } from './statements.ts';
import type { TopicDirectory } from './topic-directory.ts';
import type { Trimmer } from './trimmer.ts';

/** Bounds of one transaction, so that no caller waits for an endless group. */
const MAX_GROUP_CALLS = 1024;
const MAX_GROUP_BYTES = 8 * 1024 * 1024;
/** Row, index and page overhead of a record beside its content, roughly. */
const RECORD_OVERHEAD_BYTES = 64;

interface EncodedRecord {
  readonly key: string;
  readonly headers: string;
  readonly value: Uint8Array;
  readonly sizeBytes: number;
}

interface PendingAppend {
  readonly topic: string;
  readonly records: readonly EncodedRecord[];
  readonly sizeBytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface AppendQueueParts {
  readonly database: DatabaseSync;
  readonly statements: Statements;
  readonly topics: TopicDirectory;
  readonly trimmer: Trimmer;
  readonly options: ResolvedOptions;
}

/**
 * Group commit: appends that arrive while a transaction is being written share the next one, and so
 * one sync of the disk. Each call stays all-or-nothing.
 */
export class AppendQueue {
  readonly #parts: AppendQueueParts;
  #pending: PendingAppend[] = [];
  #draining: Promise<void> | null = null;

  constructor(parts: AppendQueueParts) {
    this.#parts = parts;
  }

  add(topic: string, records: readonly LogRecord[]): Promise<void> {
    const encoded = records.map(encodeRecord);
    const sizeBytes = encoded.reduce((sum, record) => sum + record.sizeBytes, 0);
    return new Promise((resolve, reject) => {
      this.#pending.push({ topic, records: encoded, sizeBytes, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when everything added so far is settled. */
  async idle(): Promise<void> {
    while (this.#draining !== null) await this.#draining;
  }

  async #drain(): Promise<void> {
    // One turn of the event loop lets requests that are already readable join the group.
    await nextTurn();
    while (this.#pending.length > 0) {
      await this.#commit(this.#takeGroup());
      await nextTurn();
    }
    this.#draining = null;
  }

  #takeGroup(): PendingAppend[] {
    let bytes = 0;
    let calls = 0;
    for (const append of this.#pending) {
      bytes += append.sizeBytes;
      if (calls === MAX_GROUP_CALLS || (calls > 0 && bytes > MAX_GROUP_BYTES)) break;
      calls += 1;
    }
    return this.#pending.splice(0, calls);
  }

  async #commit(group: readonly PendingAppend[]): Promise<void> {
    const { database, options } = this.#parts;
    try {
      const write = await writeTransaction(database, options.writeTimeoutMs, () =>
        writeGroup(this.#parts, group),
      );
      for (const [topic, partitions] of write.topics)
        this.#parts.topics.remember(topic, partitions);
      for (const append of group) {
        if (write.refused.has(append)) append.reject(logFull(append, options.maxBytes));
        else append.resolve();
      }
    } catch (error) {
      for (const append of group) append.reject(error);
    }
  }
}

function encodeRecord(record: LogRecord): EncodedRecord {
  const headers = JSON.stringify(record.headers);
  const sizeBytes =
    Buffer.byteLength(record.key) +
    Buffer.byteLength(headers) +
    record.value.byteLength +
    RECORD_OVERHEAD_BYTES;
  return { key: record.key, headers, value: record.value, sizeBytes };
}

function logFull(append: PendingAppend, maxBytes: number): LogFullError {
  return new LogFullError(
    `the log holds its ${maxBytes} bytes of unread records; no room for ${append.sizeBytes} more`,
  );
}

interface GroupWrite {
  readonly refused: ReadonlySet<PendingAppend>;
  readonly topics: ReadonlyMap<string, readonly PartitionRow[]>;
}

function writeGroup(parts: AppendQueueParts, group: readonly PendingAppend[]): GroupWrite {
  const { statements, trimmer, options } = parts;
  const refused = new Set<PendingAppend>();
  const topics = new Map<string, readonly PartitionRow[]>();
  const ends = new PartitionEnds(statements);
  const storedBytes = () => statements.totalSize.get({})?.sizeBytes ?? 0;
  let stored = storedBytes();
  const wanted = group.reduce((sum, append) => sum + append.sizeBytes, 0);
  if (stored + wanted > options.maxBytes) {
    trimmer.makeRoom(options.maxBytes - wanted);
    stored = storedBytes();
  }
  for (const append of group) {
    if (stored + append.sizeBytes > options.maxBytes) {
      refused.add(append);
      continue;
    }
    stored += append.sizeBytes;
    const partitions = topics.get(append.topic) ?? parts.topics.ensure(append.topic);
    topics.set(append.topic, partitions);
    for (const record of append.records) {
      const partition = partitions[partitionForKey(record.key, partitions.length)];
      if (partition === undefined) throw new Error(`topic ${append.topic} has no partition`);
      const offset = ends.next(partition.id, record.sizeBytes);
      statements.insertRecord.run({
        ...record,
        partitionId: partition.id,
        offset,
        appendedAtMs: options.clock(),
      });
    }
  }
  ends.save();
  return { refused, topics };
}

/** End offsets of the partitions one transaction touches. */
class PartitionEnds {
  readonly #statements: Statements;
  readonly #ends = new Map<number, { endOffset: number; addedBytes: number }>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  next(partitionId: number, sizeBytes: number): number {
    let end = this.#ends.get(partitionId);
    if (end === undefined) {
      const row = this.#statements.endOffset.get({ partitionId });
      if (row === undefined) throw new Error(`partition ${partitionId} is not in the log`);
      end = { endOffset: row.endOffset, addedBytes: 0 };
      this.#ends.set(partitionId, end);
    }
    const offset = end.endOffset;
    end.endOffset += 1;
    end.addedBytes += sizeBytes;
    return offset;
  }

  save(): void {
    for (const [partitionId, end] of this.#ends) {
      this.#statements.advancePartition.run({ partitionId, ...end });
    }
  }
}
