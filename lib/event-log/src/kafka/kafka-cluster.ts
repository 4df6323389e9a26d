import { ConnectionPool, createTopicsV7, metadataV12, type Connection } from '@platformatic/kafka';
import { setTimeout as delay } from 'node:timers/promises';
import { LogUnavailableError, OffsetBeyondEndError } from '../log-errors.ts';
import type { BrokerAddress, KafkaSettings } from './kafka-settings.ts';
import { answerOf, CODE, isAuthenticationFailure } from './protocol-codes.ts';

const RETRY_MS = 50;
const CLIENT_ID = 'flotilla';
const MIN_ATTEMPT_MS = 1_000;
/** After this long topics are looked up anew beside the work: they may have got more partitions. */
const TOPIC_AGE_MS = 60_000;

export interface TopicLayout {
  readonly id: string;
  /** Node id of each partition's leader; -1 while a partition has none. */
  readonly leaders: readonly number[];
}

interface KnownTopic {
  readonly layout: TopicLayout;
  readonly askedAt: number;
}

export interface ClusterOptions {
  /** Of topics this process creates. */
  readonly partitions: number;
  /** How long an operation tries before LogUnavailableError. */
  readonly timeoutMs: number;
}

/**
 * Connections to the brokers and what they said about topics. A broker answers the requests of one
 * connection in order, so whoever waits long (a fetch, a join) takes a pool of its own.
 */
export class KafkaCluster {
  readonly #settings: KafkaSettings;
  readonly #options: ClusterOptions;
  readonly #pool: ConnectionPool;
  readonly #others: ConnectionPool[] = [];
  readonly #topics = new Map<string, KnownTopic>();
  readonly #lookUps = new Map<string, Promise<TopicLayout>>();
  #nodes = new Map<number, BrokerAddress>();
  #passedOver = 0;

  constructor(settings: KafkaSettings, options: ClusterOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#pool = this.pool(this.attemptMs);
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /**
   * How long one request may take: an operation tries several brokers, since one that lost its power
   * leaves connections open that nobody answers.
   */
  get attemptMs(): number {
    const { timeoutMs } = this.#options;
    return Math.min(timeoutMs, Math.max(MIN_ATTEMPT_MS, Math.ceil(timeoutMs / 3)));
  }

  /** Another set of connections; closed with the cluster. */
  pool(requestTimeoutMs: number): ConnectionPool {
    const { tls, sasl } = this.#settings;
    const pool = new ConnectionPool(CLIENT_ID, {
      connectTimeout: this.attemptMs,
      requestTimeout: requestTimeoutMs,
      ...(tls === undefined ? {} : { tls: tls.ca === null ? {} : { ca: tls.ca } }),
      ...(tls === undefined ? {} : { tlsServerName: true }),
      ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
    });
    this.#others.push(pool);
    return pool;
  }

  async nodeConnection(nodeId: number, pool: ConnectionPool = this.#pool): Promise<Connection> {
    const node = this.#nodes.get(nodeId) ?? (await this.#refresh(nodeId));
    return pool.get({ host: node.host, port: node.port });
  }

  /** A connection to whichever broker answers. */
  async anyConnection(pool: ConnectionPool = this.#pool): Promise<Connection> {
    const known = [...this.#nodes.values(), ...this.#settings.brokers];
    const first = this.#passedOver % known.length;
    const order = [...known.slice(first), ...known.slice(0, first)];
    return pool.getFirstAvailable(order.map(({ host, port }) => ({ host, port })));
  }

  /** After a failure: the broker asked may be one that accepts and never answers; ask the next first. */
  passOver(): void {
    this.#passedOver += 1;
  }

  /** What a broker said of where another one is. */
  learn(nodeId: number, address: BrokerAddress): void {
    this.#nodes.set(nodeId, address);
  }

  /** Repeats `work` until it succeeds; LogUnavailableError with the last failure as its cause. */
  async persist<T>(what: string, work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#options.timeoutMs;
    for (;;) {
      try {
        return await withDeadline(work(), deadline);
      } catch (cause) {
        if (cause instanceof LogUnavailableError || cause instanceof OffsetBeyondEndError)
          throw cause;
        if (isAuthenticationFailure(cause)) {
          throw new LogUnavailableError(`Kafka refuses this user: ${what}`, { cause });
        }
        if (performance.now() + RETRY_MS > deadline) {
          throw new LogUnavailableError(
            `Kafka did not answer within ${this.#options.timeoutMs} ms: ${what}`,
            { cause },
          );
        }
        this.passOver();
        await delay(RETRY_MS);
      }
    }
  }

  /** Where the topic's partitions live; creates it when it is missing and that is allowed. */
  topic(name: string): Promise<TopicLayout> {
    const known = this.#topics.get(name);
    if (known === undefined) return this.#lookUpOnce(name);
    if (performance.now() - known.askedAt > TOPIC_AGE_MS) {
      // What is known serves meanwhile; a failure shows when something known is wrong.
      this.#lookUpOnce(name).catch(() => undefined);
    }
    return Promise.resolve(known.layout);
  }

  /** The leader moved: ask again before the next use. */
  forgetTopic(name: string): void {
    this.#topics.delete(name);
  }

  /** Rejects when no broker answers. */
  async ping(): Promise<void> {
    await this.persist('asking for the brokers', () => this.#metadata([]));
  }

  async close(): Promise<void> {
    for (const pool of this.#others) await pool.close();
  }

  /** However many ask, one request goes out. */
  #lookUpOnce(name: string): Promise<TopicLayout> {
    const running = this.#lookUps.get(name);
    if (running !== undefined) return running;
    const lookUp = this.persist(`looking up topic ${name}`, () => this.#lookUp(name)).finally(() =>
      this.#lookUps.delete(name),
    );
    this.#lookUps.set(name, lookUp);
    return lookUp;
  }

  async #lookUp(name: string): Promise<TopicLayout> {
    const [topic] = (await this.#metadata([name])).topics;
    if (topic === undefined || topic.errorCode === CODE.unknownTopicOrPartition) {
      if (!this.#settings.createTopics) {
        throw new LogUnavailableError(
          `topic ${name} does not exist and createTopics=false forbids to create it`,
        );
      }
      await this.#create(name);
      throw new Error(`topic ${name} was just created`);
    }
    const leaders = [...topic.partitions]
      .sort((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ leaderId }) => leaderId);
    // One partition without a leader does not stop the others.
    if (topic.errorCode !== CODE.none || leaders.every((id) => id < 0)) {
      throw new Error(`topic ${name} has no leaders (code ${topic.errorCode})`);
    }
    const layout = { id: topic.topicId, leaders };
    this.#topics.set(name, { layout, askedAt: performance.now() });
    return layout;
  }

  async #create(name: string): Promise<void> {
    const connection = await this.anyConnection();
    const wanted = {
      name,
      numPartitions: this.#settings.partitions ?? this.#options.partitions,
      replicationFactor: this.#settings.replication,
      assignments: [],
      configs: [],
    };
    const answer = await answerOf(
      createTopicsV7.api.async(connection, [wanted], this.attemptMs, false),
    );
    const [created] = answer.topics;
    const code = created?.errorCode ?? CODE.none;
    if (code === CODE.none || code === CODE.topicAlreadyExists) return;
    throw new Error(`topic ${name}: ${created?.errorMessage ?? `code ${code}`}`);
  }

  async #metadata(topics: string[]) {
    const connection = await this.anyConnection();
    const answer = await answerOf(metadataV12.api.async(connection, topics, false, false));
    this.#nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    return answer;
  }

  async #refresh(nodeId: number): Promise<BrokerAddress> {
    await this.#metadata([]);
    const node = this.#nodes.get(nodeId);
    if (node === undefined) throw new Error(`node ${nodeId} is not in the cluster now`);
    return node;
  }
}

/** Rejects at `deadline` (of performance.now()); the work itself goes on, and its end is ignored. */
export function withDeadline<T>(work: Promise<T>, deadline: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const waitMs = Math.max(0, deadline - performance.now());
    const timer = setTimeout(() => reject(new Error('no answer in time')), waitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
