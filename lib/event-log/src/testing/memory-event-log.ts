import { setTimeout as delay } from 'node:timers/promises';
import {
  LogFullError,
  type CommittedPosition,
  type EventLog,
  type LogConsumer,
  type LogRecord,
  type ReadLimits,
  type StoredRecord,
  type TopicPartition,
} from '../event-log.ts';
import {
  resolveOptions,
  type EventLogOptions,
  type ResolvedOptions,
} from '../event-log-options.ts';
import { GroupHeldError, InvalidRecordError, LogClosedError } from '../log-errors.ts';
import { partitionForKey } from '../partition-for-key.ts';
import { checkGroup, checkPosition, checkRecords, checkTopic } from '../record-rules.ts';

const POLL_MS = 2;

/** The log's contract in memory, for tests of those who use it; keeps nothing, trims nothing. */
export class MemoryEventLog implements EventLog {
  readonly options: ResolvedOptions;
  readonly #topics = new Map<string, StoredRecord[][]>();
  readonly #positions = new Map<string, CommittedPosition>();
  readonly #held = new Set<string>();
  #sizeBytes = 0;
  #closed = false;

  constructor(options: EventLogOptions = {}) {
    this.options = resolveOptions({ joinTimeoutMs: 50, ...options });
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    this.checkOpen();
    checkTopic(topic);
    checkRecords(records, this.options.maxRecordBytes);
    const addedBytes = records.reduce((sum, record) => sum + record.value.byteLength, 0);
    if (this.#sizeBytes + addedBytes > this.options.maxBytes) throw new LogFullError('full');
    this.#sizeBytes += addedBytes;
    const partitions = this.partitions(topic);
    for (const record of records) {
      const partition = partitionForKey(record.key, partitions.length);
      const stored = partitions[partition]!;
      stored.push({
        ...structuredClone(record),
        topic,
        partition,
        offset: stored.length,
        appendedAtMs: this.options.clock(),
      });
    }
  }

  async consumer(group: string, topics: readonly string[]): Promise<LogConsumer> {
    this.checkOpen();
    checkGroup(group);
    topics.forEach(checkTopic);
    const deadline = performance.now() + this.options.joinTimeoutMs;
    while (this.#held.has(group)) {
      if (performance.now() > deadline) throw new GroupHeldError(`group ${group} is held`);
      await delay(POLL_MS);
    }
    this.#held.add(group);
    return new MemoryConsumer(this, topics, this.#positions, group, () => this.#held.delete(group));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#held.clear();
  }

  partitions(topic: string): StoredRecord[][] {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    const created = Array.from({ length: this.options.partitions }, (): StoredRecord[] => []);
    this.#topics.set(topic, created);
    return created;
  }

  checkOpen(): void {
    if (this.#closed) throw new LogClosedError('the log is closed');
  }
}

class MemoryConsumer implements LogConsumer {
  readonly #log: MemoryEventLog;
  readonly #topics: readonly string[];
  readonly #positions: Map<string, CommittedPosition>;
  readonly #group: string;
  readonly #release: () => void;
  #seenEnd = 0;
  #closed = false;

  constructor(
    log: MemoryEventLog,
    topics: readonly string[],
    positions: Map<string, CommittedPosition>,
    group: string,
    release: () => void,
  ) {
    this.#log = log;
    this.#topics = topics;
    this.#positions = positions;
    this.#group = group;
    this.#release = release;
  }

  async assignment(): Promise<TopicPartition[]> {
    this.#checkOpen();
    return this.#topics.flatMap((topic) =>
      this.#log.partitions(topic).map((_, partition) => ({ topic, partition })),
    );
  }

  async committed(at: TopicPartition): Promise<CommittedPosition | null> {
    this.#stored(at);
    return this.#positions.get(this.#positionKey(at)) ?? null;
  }

  async endOffset(at: TopicPartition): Promise<number> {
    return this.#stored(at).length;
  }

  async read(at: TopicPartition, offset: number, limits: ReadLimits): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (const record of this.#stored(at).slice(offset, offset + Math.max(1, limits.maxRecords))) {
      bytes += record.value.byteLength;
      if (records.length > 0 && bytes > limits.maxBytes) break;
      records.push(structuredClone(record));
    }
    return records;
  }

  async commit(at: TopicPartition, position: CommittedPosition): Promise<void> {
    checkPosition(position, this.#stored(at).length);
    this.#positions.set(this.#positionKey(at), { ...position });
  }

  async wait(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#hasNews() && signal?.aborted !== true && performance.now() < deadline) {
      await delay(POLL_MS);
    }
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#release();
    this.#closed = true;
  }

  #hasNews(): boolean {
    this.#checkOpen();
    const end = this.#topics
      .flatMap((topic) => this.#log.partitions(topic))
      .reduce((sum, stored) => sum + stored.length, 0);
    const grown = end !== this.#seenEnd;
    this.#seenEnd = end;
    return grown;
  }

  #stored({ topic, partition }: TopicPartition): StoredRecord[] {
    this.#checkOpen();
    const stored = this.#topics.includes(topic)
      ? this.#log.partitions(topic)[partition]
      : undefined;
    if (stored === undefined) {
      throw new InvalidRecordError(`${topic}/${partition} is not assigned to this member`);
    }
    return stored;
  }

  #positionKey({ topic, partition }: TopicPartition): string {
    return `${this.#group} ${topic} ${partition}`;
  }

  #checkOpen(): void {
    this.#log.checkOpen();
    if (this.#closed) throw new LogClosedError('the consumer is closed');
  }
}
