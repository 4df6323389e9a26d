import { setTimeout as delay } from 'node:timers/promises';
import type {
  CommittedPosition,
  LogConsumer,
  ReadLimits,
  StoredRecord,
  TopicPartition,
} from '../event-log.ts';
import { InvalidRecordError, LogClosedError } from '../log-errors.ts';
import { checkPosition } from '../record-rules.ts';
import type { GroupLease } from './group-lease.ts';
import type { RecordRow, Statements } from './statements.ts';

/** Other processes write, so news are polled for. */
const POLL_MS = 25;

export interface ConsumerParts {
  readonly group: string;
  readonly lease: GroupLease;
  /** On a connection of its own: `data_version` shows only what other connections committed. */
  readonly reader: Statements;
  readonly writer: Statements;
  readonly write: <T>(work: () => T) => Promise<T>;
  /** Repeats while another process recovers the file after a crash, the one time a reader is refused. */
  readonly retry: <T>(work: () => T) => Promise<T>;
  /** Every partition of the subscribed topics, with its row id. */
  readonly partitions: readonly (TopicPartition & { readonly id: number })[];
  readonly onClose: () => void;
}

export class SqliteConsumer implements LogConsumer {
  readonly #parts: ConsumerParts;
  #seenVersion = -1;
  #seenEnd = 0;
  #closed = false;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
  }

  assignment(): Promise<TopicPartition[]> {
    return this.#answer(() =>
      this.#parts.partitions.map(({ topic, partition }) => ({ topic, partition })),
    );
  }

  committed(partition: TopicPartition): Promise<CommittedPosition | null> {
    return this.#answer(() => {
      const partitionId = this.#idOf(partition);
      const row = this.#parts.reader.readPosition.get({ group: this.#parts.group, partitionId });
      return row === undefined ? null : { offset: row.offset, metadata: row.metadata };
    });
  }

  endOffset(partition: TopicPartition): Promise<number> {
    return this.#answer(() => this.#endOf(this.#idOf(partition)));
  }

  read(partition: TopicPartition, offset: number, limits: ReadLimits): Promise<StoredRecord[]> {
    return this.#answer(() => {
      const partitionId = this.#idOf(partition);
      const { maxRecords, maxBytes } = limits;
      const records: StoredRecord[] = [];
      let bytes = 0;
      for (const row of this.#parts.reader.readRecords.iterate({
        partitionId,
        offset,
        maxRecords: Math.max(1, maxRecords),
      })) {
        bytes += row.sizeBytes;
        if (records.length > 0 && bytes > maxBytes) break;
        records.push(toRecord(partition, row));
      }
      return records;
    });
  }

  async commit(partition: TopicPartition, position: CommittedPosition): Promise<void> {
    const partitionId = await this.#answer(() => this.#idOf(partition));
    await this.#parts.write(() => {
      this.#parts.lease.check();
      checkPosition(position, this.#endOf(partitionId));
      const { offset, metadata } = position;
      this.#parts.writer.writePosition.run({
        group: this.#parts.group,
        partitionId,
        offset,
        metadata,
      });
    });
  }

  async wait(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await this.#answer(() => this.#hasNews())) && signal?.aborted !== true) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return;
      // An abort only ends the wait early; the caller looks at its own signal.
      await delay(Math.min(POLL_MS, leftMs), undefined, { signal }).catch(ignoreAbort);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.onClose();
    await this.#parts.lease.release();
  }

  #hasNews(): boolean {
    const version = this.#parts.reader.dataVersion.get({})?.data_version ?? 0;
    if (version === this.#seenVersion) return false;
    this.#seenVersion = version;
    const end = this.#parts.partitions.reduce((sum, { id }) => sum + this.#endOf(id), 0);
    const grown = end !== this.#seenEnd;
    this.#seenEnd = end;
    return grown;
  }

  #endOf(partitionId: number): number {
    return this.#parts.reader.endOffset.get({ partitionId })?.endOffset ?? 0;
  }

  #idOf({ topic, partition }: TopicPartition): number {
    const found = this.#parts.partitions.find(
      (known) => known.topic === topic && known.partition === partition,
    );
    if (found === undefined) {
      throw new InvalidRecordError(`${topic}/${partition} is not assigned to this member`);
    }
    return found.id;
  }

  /** Refusals reject rather than throw at the call. */
  async #answer<T>(work: () => T): Promise<T> {
    if (this.#closed) throw new LogClosedError('the consumer is closed');
    return this.#parts.retry(work);
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}

function toRecord({ topic, partition }: TopicPartition, row: RecordRow): StoredRecord {
  return {
    topic,
    partition,
    offset: row.offset,
    key: row.key,
    value: row.value,
    headers: JSON.parse(row.headers) as Record<string, string>,
    appendedAtMs: row.appendedAtMs,
  };
}
