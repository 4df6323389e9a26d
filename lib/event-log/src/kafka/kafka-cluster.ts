import { ConnectionPool, createTopicsV7, metadataV12, type Connection } from '@platformatic/kafka';
import { setTimeout as delay } from 'node:timers/promises';
import { LogUnavailableError } from '../log-errors.ts';
import type { BrokerAddress, KafkaSettings } from './kafka-settings.ts';
import { answerOf, CODE, isAuthenticationFailure } from './protocol-codes.ts';

const RETRY_MS = 50;
const CLIENT_ID = 'flotilla';

export interface TopicLayout {
  readonly id: string;
  /** Node id of each partition's leader. */
  readonly leaders: readonly number[];
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
  readonly #topics = new Map<string, TopicLayout>();
  #nodes = new Map<number, BrokerAddress>();

  constructor(settings: KafkaSettings, options: ClusterOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#pool = this.pool(options.timeoutMs);
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Another set of connections; closed with the cluster. */
  pool(requestTimeoutMs: number): ConnectionPool {
    const { tls, sasl } = this.#settings;
    const pool = new ConnectionPool(CLIENT_ID, {
      connectTimeout: this.#options.timeoutMs,
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
    return pool.getFirstAvailable(known.map(({ host, port }) => ({ host, port })));
  }

  /** Repeats `work` until it succeeds; LogUnavailableError with the last failure as its cause. */
  async persist<T>(what: string, work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#options.timeoutMs;
    for (;;) {
      try {
        return await withDeadline(work(), deadline);
      } catch (cause) {
        if (cause instanceof LogUnavailableError) throw cause;
        if (isAuthenticationFailure(cause)) {
          throw new LogUnavailableError(`Kafka refuses this user: ${what}`, { cause });
        }
        if (performance.now() + RETRY_MS > deadline) {
          throw new LogUnavailableError(
            `Kafka did not answer within ${this.#options.timeoutMs} ms: ${what}`,
            { cause },
          );
        }
        await delay(RETRY_MS);
      }
    }
  }

  /** Where the topic's partitions live; creates it when it is missing and that is allowed. */
  topic(name: string): Promise<TopicLayout> {
    const known = this.#topics.get(name);
    if (known !== undefined) return Promise.resolve(known);
    return this.persist(`looking up topic ${name}`, () => this.#lookUp(name));
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
    if (topic.errorCode !== CODE.none || leaders.length === 0 || leaders.some((id) => id < 0)) {
      throw new Error(`topic ${name} has no leaders (code ${topic.errorCode})`);
    }
    const layout = { id: topic.topicId, leaders };
    this.#topics.set(name, layout);
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
      createTopicsV7.api.async(connection, [wanted], this.#options.timeoutMs, false),
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
export async function withDeadline<T>(work: Promise<T>, deadline: number): Promise<T> {
  const abort = new AbortController();
  const expired = delay(Math.max(0, deadline - performance.now()), undefined, {
    signal: abort.signal,
  }).then(() => {
    throw new Error('no answer in time');
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    abort.abort();
    expired.catch(() => undefined);
    work.catch(() => undefined);
  }
}
