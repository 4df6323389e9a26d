import { listOffsetsV9, type ConnectionPool } from '@platformatic/kafka';
import type { ReadLimits, StoredRecord, TopicPartition } from '../event-log.ts';
import { LogUnavailableError, OffsetBeyondEndError } from '../log-errors.ts';
import { fetchBatches, type FetchedPartition } from './fetch-request.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { answerOf, CODE, isTransient } from './protocol-codes.ts';
import { readBatches } from './read-batches.ts';

const REQUEST_BYTES = 16 * 1024 * 1024;
const PARTITION_BYTES = 4 * 1024 * 1024;
/** A partition with less than this in memory is read ahead. */
const READ_AHEAD_BYTES = 2 * 1024 * 1024;
/** Read ahead stops while the partitions together hold more. */
const TOTAL_AHEAD_BYTES = 64 * 1024 * 1024;
const LATEST = -1n;
const EARLIEST = -2n;
const CONSUMER = -1;
/** What an open or aborted transaction wrote is not read; the end is that of the settled part. */
const READ_COMMITTED = 1;
const NO_SESSION = 0;
const NO_EPOCH = -1;

interface Window extends TopicPartition {
  records: StoredRecord[];
  sizeBytes: number;
  /** Where the next fetch goes on. */
  nextOffset: number;
  /** Up to here the caller has been given the records. */
  deliveredOffset: number;
  /** The partition's end as the broker last told it. */
  endOffset: number;
  /** Where something could not be read at the first attempt. */
  doubtedOffset: number | null;
}

/** Reads partitions from explicit offsets, a window of each ahead in memory. */
export class Fetcher {
  readonly #cluster: KafkaCluster;
  readonly #pool: ConnectionPool;
  readonly #waitPool: ConnectionPool;
  readonly #windows = new Map<string, Window>();
  /** By node; requests that wait for records there. */
  readonly #waiting = new Map<number, Promise<void>>();
  #ahead: Promise<void> | null = null;

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.#pool = cluster.pool(cluster.timeoutMs);
    this.#waitPool = cluster.pool(cluster.timeoutMs);
  }

  async read(at: TopicPartition, offset: number, limits: ReadLimits): Promise<StoredRecord[]> {
    const window = this.#windowAt(at, offset);
    await this.#ahead;
    while (!isEnough(window, limits)) {
      const before = window.nextOffset;
      await this.#cluster.persist(`reading ${keyOf(at)}`, () => this.#fetch([window], 0));
      if (window.nextOffset === before) break;
    }
    const taken = take(window, limits);
    const last = taken.at(-1);
    if (last !== undefined) {
      window.deliveredOffset = last.offset + 1;
      this.#readAhead();
    }
    return taken;
  }

  /** The offset the next record will get; asked of the leader. */
  endOffset(at: TopicPartition): Promise<number> {
    return this.#listOffset(at, LATEST);
  }

  /** An end that the broker told before, without asking again. */
  knownEnd(at: TopicPartition): number {
    return this.#windows.get(keyOf(at))?.endOffset ?? 0;
  }

  /** Whether something lies ready that the caller has not been given yet. */
  hasUnread(keys: ReadonlySet<string>): boolean {
    return [...keys].some((key) => {
      const window = this.#windows.get(key);
      return (window?.records.at(-1)?.offset ?? -1) >= (window?.deliveredOffset ?? 0);
    });
  }

  forget(key: string): void {
    this.#windows.delete(key);
  }

  /** Waits on the brokers, at most `waitMs`, for records beyond what was read of `partitions`. */
  async poll(partitions: readonly TopicPartition[], waitMs: number): Promise<boolean> {
    const windows: Window[] = [];
    for (const at of partitions) {
      windows.push(this.#windows.get(keyOf(at)) ?? this.#windowAt(at, await this.endOffset(at)));
    }
    const before = windows.map((window) => window.nextOffset);
    await this.#fetch(windows, waitMs, this.#waitPool);
    return windows.some((window, index) => window.nextOffset !== before[index]);
  }

  async close(): Promise<void> {
    await this.#pool.close();
    await this.#waitPool.close();
    await this.#ahead;
  }

  #windowAt(at: TopicPartition, offset: number): Window {
    const key = keyOf(at);
    const known = this.#windows.get(key);
    if (known !== undefined) {
      const first = known.records[0]?.offset ?? known.nextOffset;
      if (offset >= first && offset <= known.nextOffset) {
        const keep = known.records.findIndex((record) => record.offset >= offset);
        known.records = keep === -1 ? [] : known.records.slice(keep);
        known.sizeBytes = sizeOf(known.records);
        return known;
      }
    }
    const { topic, partition } = at;
    const window: Window = {
      ...{ topic, partition, records: [], sizeBytes: 0 },
      ...{ nextOffset: offset, deliveredOffset: offset, endOffset: known?.endOffset ?? 0 },
      doubtedOffset: null,
    };
    this.#windows.set(key, window);
    return window;
  }

  #readAhead(): void {
    if (this.#ahead !== null) return;
    const held = [...this.#windows.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (held >= TOTAL_AHEAD_BYTES) return;
    const low = [...this.#windows.values()].filter(
      ({ sizeBytes, nextOffset, endOffset }) =>
        sizeBytes < READ_AHEAD_BYTES && nextOffset < endOffset,
    );
    if (low.length === 0) return;
    // Only ahead of need: a failure shows when the caller comes to read what is missing.
    this.#ahead = this.#fetch(low, 0)
      .catch(() => undefined)
      .finally(() => (this.#ahead = null));
  }

  async #fetch(windows: readonly Window[], waitMs: number, pool = this.#pool): Promise<void> {
    const byNode = new Map<number, Window[]>();
    for (const window of windows) {
      const { leaders } = await this.#cluster.topic(window.topic);
      const leader = leaders[window.partition] ?? -1;
      byNode.set(leader, [...(byNode.get(leader) ?? []), window]);
    }
    const perNode = [...byNode].map(([node, own]) =>
      waitMs > 0
        ? this.#waitOn(node, () => this.#fetchNode(node, own, waitMs, pool))
        : this.#fetchNode(node, own, waitMs, pool),
    );
    try {
      // With several brokers the first to have something ends a wait; late answers still count.
      await (waitMs > 0 ? Promise.race(perNode) : Promise.all(perNode));
    } catch (error) {
      for (const { topic } of windows) this.#cluster.forgetTopic(topic);
      throw error;
    }
  }

  /** One at a time per node: a broker answers them in order, and a busy one's news ends many waits. */
  #waitOn(node: number, fetch: () => Promise<void>): Promise<void> {
    const running = this.#waiting.get(node);
    if (running !== undefined) return running;
    const waiting = fetch().finally(() => this.#waiting.delete(node));
    this.#waiting.set(node, waiting);
    return waiting;
  }

  async #fetchNode(
    node: number,
    windows: readonly Window[],
    waitMs: number,
    pool: ConnectionPool,
  ): Promise<void> {
    const asked = new Map<string, { window: Window; offset: number }>();
    const topics = new Map<string, ReturnType<typeof fetchPartition>[]>();
    for (const window of windows) {
      const { id } = await this.#cluster.topic(window.topic);
      asked.set(`${id}:${window.partition}`, { window, offset: window.nextOffset });
      topics.set(id, [...(topics.get(id) ?? []), fetchPartition(window)]);
    }
    const connection = await this.#cluster.nodeConnection(node, pool);
    const answer = await fetchBatches.async(
      ...([connection, waitMs, 1, REQUEST_BYTES, READ_COMMITTED, NO_SESSION, NO_EPOCH] as const),
      [...topics].map(([topicId, partitions]) => ({ topicId, partitions })),
      [],
      '',
    );
    if (answer.errorCode !== CODE.none) throw new Error(`fetch: code ${answer.errorCode}`);
    for (const fetched of answer.partitions) {
      const entry = asked.get(`${fetched.topicId}:${fetched.partition}`);
      if (entry !== undefined) await this.#store(entry.window, entry.offset, fetched);
    }
  }

  async #store(window: Window, offset: number, fetched: FetchedPartition): Promise<void> {
    const { errorCode, lastStableOffset, batches, aborted } = fetched;
    if (errorCode === CODE.offsetOutOfRange) return this.#restart(window);
    if (errorCode !== CODE.none) {
      const message = `${keyOf(window)}: fetch answers code ${errorCode}`;
      throw isTransient(errorCode) ? new Error(message) : new LogUnavailableError(message);
    }
    window.endOffset = Math.max(window.endOffset, lastStableOffset);
    // Another fetch of the same place may have come first.
    if (window.nextOffset !== offset) return;
    const reading = readBatches(window, offset, batches, aborted);
    if (reading.unreadable > 0 && window.doubtedOffset !== offset) {
      // Damaged on the way, perhaps: asked for once more before it is believed.
      window.doubtedOffset = offset;
      throw new Error(`${keyOf(window)}: a batch from offset ${offset} on cannot be read`);
    }
    window.records.push(...reading.records);
    window.sizeBytes += sizeOf(reading.records);
    window.nextOffset = reading.nextOffset;
  }

  /** The broker has nothing at the window's offset: retention took it, or it was never there. */
  async #restart(window: Window): Promise<void> {
    const earliest = await this.#listOffset(window, EARLIEST);
    if (earliest > window.nextOffset) {
      window.nextOffset = earliest;
      return;
    }
    checkWithinEnd(window, window.nextOffset, await this.endOffset(window));
    throw new Error(
      `${keyOf(window)}: offset ${window.nextOffset} is out of range by a fetch only`,
    );
  }

  #listOffset({ topic, partition }: TopicPartition, timestamp: bigint): Promise<number> {
    return this.#cluster.persist(`end of ${topic}:${partition}`, async () => {
      const { leaders } = await this.#cluster.topic(topic);
      const connection = await this.#cluster.nodeConnection(leaders[partition] ?? -1, this.#pool);
      const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }];
      const answer = await answerOf(
        listOffsetsV9.api.async(connection, CONSUMER, READ_COMMITTED, [
          { name: topic, partitions },
        ]),
      );
      const found = answer.topics[0]?.partitions[0];
      if (found === undefined || found.errorCode !== CODE.none) {
        this.#cluster.forgetTopic(topic);
        throw new Error(`no offset of ${topic}:${partition} (code ${found?.errorCode ?? -1})`);
      }
      return Number(found.offset);
    });
  }
}

/** Throws OffsetBeyondEndError. */
export function checkWithinEnd(at: TopicPartition, offset: number, end: number): void {
  if (offset <= end) return;
  throw new OffsetBeyondEndError(
    `${keyOf(at)}: offset ${offset} lies beyond the end, ${end}; the topic was made anew or lost ` +
      'records, and the group needs a new offset',
  );
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`;
}

function fetchPartition({ partition, nextOffset }: Window) {
  return {
    partition,
    currentLeaderEpoch: NO_EPOCH,
    fetchOffset: BigInt(nextOffset),
    lastFetchedEpoch: NO_EPOCH,
    partitionMaxBytes: PARTITION_BYTES,
  };
}

function isEnough({ records, sizeBytes }: Window, limits: ReadLimits): boolean {
  return (
    records.length > 0 && (records.length >= limits.maxRecords || sizeBytes >= limits.maxBytes)
  );
}

function take({ records }: Window, limits: ReadLimits): StoredRecord[] {
  let bytes = 0;
  let count = 0;
  for (const record of records) {
    bytes += record.value.byteLength;
    if (count > 0 && (count >= limits.maxRecords || bytes > limits.maxBytes)) break;
    count += 1;
  }
  return records.slice(0, count);
}

function sizeOf(records: readonly StoredRecord[]): number {
  return records.reduce((sum, { value }) => sum + value.byteLength, 0);
}
