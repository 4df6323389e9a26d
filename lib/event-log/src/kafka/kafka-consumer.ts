import { offsetCommitV9, offsetFetchV9 } from '@platformatic/kafka';
import type {
  CommittedPosition,
  LogConsumer,
  ReadLimits,
  StoredRecord,
  TopicPartition,
} from '../event-log.ts';
import {
  InvalidRecordError,
  LogClosedError,
  LogUnavailableError,
  PartitionLostError,
} from '../log-errors.ts';
import { checkPosition } from '../record-rules.ts';
import { checkWithinEnd, Fetcher, keyOf } from './fetcher.ts';
import { GroupMember, isRenewable, type Membership } from './group-member.ts';
import type { KafkaCluster } from './kafka-cluster.ts';
import { answerOf, CODE, isTransient } from './protocol-codes.ts';

/** A wait that ends early leaves its request with the broker for at most this long. */
const MAX_POLL_MS = 500;

export interface KafkaConsumerParts {
  readonly cluster: KafkaCluster;
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionMs: number;
  readonly onClose: () => void;
}

/** A member's view of its partitions. A loss is told once, by PartitionLostError or by absence. */
export class KafkaConsumer implements LogConsumer {
  readonly #parts: KafkaConsumerParts;
  readonly #member: GroupMember;
  readonly #fetcher: Fetcher;
  /** Lost since the caller last saw them, though they may be back: its offsets are no longer good. */
  readonly #untold = new Set<string>();
  #polling: Promise<boolean> | null = null;
  /** Of waits under way. */
  readonly #wakers = new Set<() => void>();
  #closing: Promise<void> | null = null;

  constructor(parts: KafkaConsumerParts) {
    this.#parts = parts;
    this.#fetcher = new Fetcher(parts.cluster);
    this.#member = new GroupMember({
      ...parts,
      onLost: (keys) => {
        for (const key of keys) {
          this.#untold.add(key);
          this.#fetcher.forget(key);
        }
      },
      onChange: () => this.#wake(),
    });
  }

  async start(): Promise<void> {
    for (const topic of this.#parts.topics) await this.#parts.cluster.topic(topic);
    await this.#member.start();
  }

  assignment(): Promise<TopicPartition[]> {
    // A refusal rejects rather than throws at the call.
    return Promise.resolve().then(() => this.#assigned());
  }

  #assigned(): TopicPartition[] {
    this.#checkOpen();
    const { owned } = this.#member;
    for (const key of this.#untold) if (!owned.has(key)) this.#untold.delete(key);
    const order = new Map(this.#parts.topics.map((topic, index) => [topic, index]));
    return [...owned]
      .map(parseKey)
      .sort(
        (a, b) =>
          (order.get(a.topic) ?? 0) - (order.get(b.topic) ?? 0) || a.partition - b.partition,
      );
  }

  async committed(at: TopicPartition): Promise<CommittedPosition | null> {
    await this.#checkKnown(at);
    this.#untold.delete(keyOf(at));
    this.#checkOwned(at);
    const position = await this.#committed(at);
    if (position !== null && position.offset > this.#fetcher.knownEnd(at)) {
      checkWithinEnd(at, position.offset, await this.#fetcher.endOffset(at));
    }
    return position;
  }

  #committed(at: TopicPartition): Promise<CommittedPosition | null> {
    return this.#askCoordinator(`position of ${keyOf(at)}`, async (connection) => {
      const { topic, partition } = at;
      const topics = [{ name: topic, partitionIndexes: [partition] }];
      const groups = [{ groupId: this.#parts.group, memberId: null, memberEpoch: -1, topics }];
      const answer = await answerOf(offsetFetchV9.api.async(connection, groups, true));
      const [group] = answer.groups;
      const found = group?.topics[0]?.partitions[0];
      const code = group?.errorCode || found?.errorCode || CODE.none;
      if (code !== CODE.none || found === undefined) throw new Error(`offset fetch: code ${code}`);
      if (found.committedOffset < 0n) return null;
      return { offset: Number(found.committedOffset), metadata: found.metadata ?? '' };
    });
  }

  async endOffset(at: TopicPartition): Promise<number> {
    await this.#checkKnown(at);
    return this.#fetcher.endOffset(at);
  }

  async read(at: TopicPartition, offset: number, limits: ReadLimits): Promise<StoredRecord[]> {
    await this.#checkKnown(at);
    this.#checkOwned(at);
    const records = await this.#fetcher.read(at, offset, limits);
    this.#checkOwned(at);
    return records;
  }

  async commit(at: TopicPartition, position: CommittedPosition): Promise<void> {
    await this.#checkKnown(at);
    const knownEnd = this.#fetcher.knownEnd(at);
    const isKnown = position.offset <= knownEnd;
    checkPosition(position, isKnown ? knownEnd : await this.#fetcher.endOffset(at));
    const { timeoutMs } = this.#parts.cluster;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      this.#checkOwned(at);
      const membership = await this.#member.settled(timeoutMs);
      this.#checkOwned(at);
      const code = await this.#commitAs(membership, at, position);
      if (code === CODE.none) return;
      if (!isRenewable(code)) throw commitRefusal(at, code);
      this.#member.renew(membership, code !== CODE.rebalanceInProgress);
      if (performance.now() > deadline) throw commitRefusal(at, code);
    }
  }

  async wait(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    this.#checkOpen();
    if (signal?.aborted === true || this.#fetcher.hasUnread(this.#member.owned)) return;
    const deadline = performance.now() + timeoutMs;
    const ended = Promise.withResolvers<void>();
    const end = () => ended.resolve();
    const timer = setTimeout(end, timeoutMs);
    signal?.addEventListener('abort', end, { once: true });
    this.#wakers.add(end);
    try {
      const isOver = ended.promise.then(() => true);
      while (performance.now() < deadline) {
        this.#polling ??= this.#poll().finally(() => (this.#polling = null));
        if (await Promise.race([this.#polling, isOver])) return;
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      this.#wakers.delete(end);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#wake();
    this.#parts.onClose();
    await this.#member.close();
    await this.#fetcher.close();
  }

  #wake(): void {
    for (const end of this.#wakers) end();
  }

  async #poll(): Promise<boolean> {
    const partitions = [...this.#member.owned].map(parseKey);
    if (partitions.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, MAX_POLL_MS).unref());
      return false;
    }
    try {
      return await this.#fetcher.poll(partitions, MAX_POLL_MS);
    } catch (cause) {
      if (this.#closing !== null) return true;
      throw new LogUnavailableError('Kafka did not answer while waiting for records', { cause });
    }
  }

  #commitAs(
    { generation, memberId }: Membership,
    at: TopicPartition,
    { offset, metadata }: CommittedPosition,
  ): Promise<number> {
    return this.#askCoordinator(`commit of ${keyOf(at)}`, async (connection) => {
      const partition = {
        partitionIndex: at.partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        committedMetadata: metadata,
      };
      const topics = [{ name: at.topic, partitions: [partition] }];
      const answer = await answerOf(
        offsetCommitV9.api.async(connection, this.#parts.group, generation, memberId, null, topics),
      );
      const code = answer.topics[0]?.partitions[0]?.errorCode;
      if (code === undefined || isTransient(code))
        throw new Error(`commit: code ${code ?? 'missing'}`);
      return code;
    });
  }

  #askCoordinator<T>(
    what: string,
    ask: (connection: Awaited<ReturnType<GroupMember['coordinator']>>) => Promise<T>,
  ): Promise<T> {
    return this.#parts.cluster.persist(what, async () => {
      try {
        return await ask(await this.#member.coordinator());
      } catch (error) {
        this.#member.forgetCoordinator();
        throw error;
      }
    });
  }

  async #checkKnown(at: TopicPartition): Promise<void> {
    this.#checkOpen();
    if (this.#parts.topics.includes(at.topic)) {
      const { leaders } = await this.#parts.cluster.topic(at.topic);
      if (leaders[at.partition] !== undefined) return;
    }
    throw new InvalidRecordError(`${keyOf(at)} is not among this member's topics`);
  }

  #checkOwned(at: TopicPartition): void {
    this.#checkOpen();
    const key = keyOf(at);
    if (this.#untold.delete(key) || !this.#member.owned.has(key)) {
      throw new PartitionLostError(`${key} went to another member of group ${this.#parts.group}`);
    }
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new LogClosedError('the consumer is closed');
  }
}

function commitRefusal(at: TopicPartition, code: number): Error {
  const message = `commit of ${keyOf(at)}: Kafka answers code ${code}`;
  return code === CODE.offsetMetadataTooLarge
    ? new InvalidRecordError(message)
    : new LogUnavailableError(message);
}

function parseKey(key: string): TopicPartition {
  const at = key.lastIndexOf(':');
  return { topic: key.slice(0, at), partition: Number(key.slice(at + 1)) };
}
