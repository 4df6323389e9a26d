import type { LogConsumer, LogRecord } from '../event-log.ts';
import type { LogStats, MeasuredEventLog, ResolvedOptions } from '../event-log-options.ts';
import { LogClosedError } from '../log-errors.ts';
import { checkGroup, checkRecords, checkTopic } from '../record-rules.ts';
import { KafkaCluster } from './kafka-cluster.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import type { KafkaSettings } from './kafka-settings.ts';
import { Producer } from './producer.ts';

/** The log on Apache Kafka 4 and later. Opening connects to nothing; the first use does. */
export class KafkaEventLog implements MeasuredEventLog {
  readonly #settings: KafkaSettings;
  readonly #options: ResolvedOptions;
  readonly #cluster: KafkaCluster;
  readonly #producer: Producer;
  readonly #consumers = new Set<KafkaConsumer>();
  readonly #appending = new Set<Promise<void>>();
  #closing: Promise<void> | null = null;

  constructor(settings: KafkaSettings, options: ResolvedOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#cluster = new KafkaCluster(settings, {
      partitions: options.partitions,
      timeoutMs: options.writeTimeoutMs,
    });
    this.#producer = new Producer(this.#cluster, settings);
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    this.#checkOpen();
    checkTopic(topic);
    checkRecords(records, this.#options.maxRecordBytes);
    if (records.length === 0) return;
    const appending = this.#producer.append(topic, records);
    this.#appending.add(appending);
    try {
      await appending;
    } finally {
      this.#appending.delete(appending);
    }
  }

  async consumer(group: string, topics: readonly string[]): Promise<LogConsumer> {
    this.#checkOpen();
    checkGroup(group);
    topics.forEach(checkTopic);
    const consumer: KafkaConsumer = new KafkaConsumer({
      cluster: this.#cluster,
      group,
      topics,
      sessionMs: this.#options.leaseMs,
      onClose: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    try {
      await consumer.start();
    } catch (error) {
      await consumer.close();
      throw error;
    }
    return consumer;
  }

  /** What waits in this process for the brokers' answer; rejects when no broker answers. */
  async stats(): Promise<LogStats> {
    this.#checkOpen();
    await this.#cluster.ping();
    return { ...this.#producer.unanswered, maxBytes: this.#settings.bufferBytes };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#appending]);
    await this.#producer.idle();
    for (const consumer of [...this.#consumers]) await consumer.close();
    await this.#cluster.close();
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new LogClosedError('the log is closed');
  }
}
