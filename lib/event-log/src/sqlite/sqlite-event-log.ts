import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { LogConsumer, LogRecord, TopicPartition } from '../event-log.ts';
import type { LogStats, MeasuredEventLog, ResolvedOptions } from '../event-log-options.ts';
import { LogClosedError } from '../log-errors.ts';
import { checkGroup, checkRecords, checkTopic } from '../record-rules.ts';
import { AppendQueue } from './append-queue.ts';
import { GroupLease } from './group-lease.ts';
import { openDatabase, retryWhileBusy, writeTransaction } from './log-database.ts';
import { SqliteConsumer } from './sqlite-consumer.ts';
import { prepareStatements, type Statements } from './statements.ts';
import { TopicDirectory } from './topic-directory.ts';
import { Trimmer } from './trimmer.ts';

/** The embedded log: one SQLite file (WAL, synced at every commit) that several processes share. */
export class SqliteEventLog implements MeasuredEventLog {
  readonly #options: ResolvedOptions;
  readonly #writer: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #statements: Statements;
  readonly #readStatements: Statements;
  readonly #topics: TopicDirectory;
  readonly #trimmer: Trimmer;
  readonly #queue: AppendQueue;
  readonly #consumers = new Set<SqliteConsumer>();
  readonly #trimTimer: NodeJS.Timeout;
  #trimming: Promise<unknown> | null = null;
  #closing: Promise<void> | null = null;

  private constructor(writer: DatabaseSync, reader: DatabaseSync, options: ResolvedOptions) {
    this.#options = options;
    this.#writer = writer;
    this.#reader = reader;
    this.#statements = prepareStatements(writer);
    this.#readStatements = prepareStatements(reader);
    this.#topics = new TopicDirectory(this.#statements, options.partitions);
    this.#trimmer = new Trimmer(writer, this.#statements, options);
    this.#queue = new AppendQueue({
      database: writer,
      statements: this.#statements,
      topics: this.#topics,
      trimmer: this.#trimmer,
      options,
    });
    this.#trimTimer = setInterval(() => this.#trimInBackground(), options.trimIntervalMs);
    this.#trimTimer.unref();
  }

  static async open(file: string, options: ResolvedOptions): Promise<SqliteEventLog> {
    mkdirSync(dirname(file), { recursive: true });
    const writer = await openDatabase(file, options.writeTimeoutMs);
    try {
      const reader = await openDatabase(file, options.writeTimeoutMs);
      return new SqliteEventLog(writer, reader, options);
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    this.#checkOpen();
    checkTopic(topic);
    checkRecords(records, this.#options.maxRecordBytes);
    if (records.length > 0) await this.#queue.add(topic, records);
  }

  async consumer(group: string, topics: readonly string[]): Promise<LogConsumer> {
    this.#checkOpen();
    checkGroup(group);
    topics.forEach(checkTopic);
    const lease = new GroupLease(group, this.#writer, this.#statements, this.#options);
    await lease.acquire();
    try {
      const partitions = await this.#write(() => this.#subscribe(group, topics));
      return this.#createConsumer(group, lease, partitions);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  stats(): Promise<LogStats> {
    this.#checkOpen();
    const total = this.#readStatements.totalSize.get({}) ?? { sizeBytes: 0, records: 0 };
    return Promise.resolve({ ...total, maxBytes: this.#options.maxBytes });
  }

  /** Removes now what retention no longer keeps; otherwise done every `trimIntervalMs`. */
  trim(): Promise<number> {
    this.#checkOpen();
    return this.#trimmer.trim(() => this.#closing !== null);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#trimTimer);
    await this.#queue.idle();
    await this.#trimming;
    try {
      for (const consumer of this.#consumers) await consumer.close();
    } finally {
      this.#reader.close();
      this.#writer.close();
    }
  }

  #subscribe(group: string, topics: readonly string[]): (TopicPartition & { id: number })[] {
    return topics.flatMap((topic) => {
      this.#statements.insertSubscription.run({ topic, group });
      return this.#topics.ensure(topic).map(({ id, number }) => ({ topic, partition: number, id }));
    });
  }

  #createConsumer(
    group: string,
    lease: GroupLease,
    partitions: readonly (TopicPartition & { id: number })[],
  ): LogConsumer {
    const consumer: SqliteConsumer = new SqliteConsumer({
      group,
      lease,
      reader: this.#readStatements,
      writer: this.#statements,
      write: (work) => this.#write(work),
      retry: (work) => retryWhileBusy(work, this.#options.writeTimeoutMs),
      partitions,
      onClose: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  #trimInBackground(): void {
    this.#trimming ??= this.#trimmer
      .trim(() => this.#closing !== null)
      // Trimming is only due, never owed: a failed turn is made up by the next, and an append that
      // finds no room trims by itself and reports what stood in the way.
      .catch(() => null)
      .finally(() => (this.#trimming = null));
  }

  #write<T>(work: () => T): Promise<T> {
    this.#checkOpen();
    return writeTransaction(this.#writer, this.#options.writeTimeoutMs, work);
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw new LogClosedError('the log is closed');
  }
}
