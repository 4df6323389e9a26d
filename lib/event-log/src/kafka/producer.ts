import { initProducerIdV5, NumericMap } from '@platformatic/kafka';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { LogFullError, type LogRecord } from '../event-log.ts';
import { InvalidRecordError, LogUnavailableError } from '../log-errors.ts';
import { javaPartition } from './java-partition.ts';
import { withDeadline, type KafkaCluster } from './kafka-cluster.ts';
import type { KafkaSettings } from './kafka-settings.ts';
import { produce } from './produce-request.ts';
import { answerOf, CODE, isAuthenticationFailure, isTransient } from './protocol-codes.ts';
import { encodeRecord, encodeRecordBatch, type EncodedRecord } from './record-batch.ts';

/** Below a broker's usual message.max.bytes of 1 MiB; a single larger record travels alone. */
const MAX_BATCH_BYTES = 768 * 1024;
const RETRY_MS = 50;
/**
 * Pause after a request with several records, whose senders then wait for each other. A broker nearby
 * answers within a millisecond, and small requests cost this process and the broker more than their
 * records do: measured, the pause takes a sixth off a collector's CPU. Who sends alone never waits.
 */
const GATHER_MS = 5;
const SWEEP_MS = 100;
const RECORD_OVERHEAD_BYTES = 32;
const EMPTY = Buffer.alloc(0);

interface PendingAppend {
  readonly deadline: number;
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface PendingRecord extends EncodedRecord {
  readonly sizeBytes: number;
  readonly append: PendingAppend;
}

/** A producer id and the next sequence number per partition, by which brokers drop repeats. */
interface Session {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequences: NumericMap;
}

/** Sent again exactly as it is, so that a broker recognises a repeat. */
interface Batch {
  readonly records: readonly PendingRecord[];
  readonly deadline: number;
  /** Null before the first attempt. */
  session: Session | null;
  sequence: number;
  /** As it travels, once it has its numbers. */
  bytes: Buffer | null;
}

interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  pending: PendingRecord[];
  batch: Batch | null;
  inFlight: boolean;
  maxBatchBytes: number;
}

/**
 * Idempotent producer. One request at a time goes to each broker, with a batch of every partition it
 * leads; what is appended meanwhile makes up the next, so batches grow with the load by themselves.
 */
export class Producer {
  readonly #cluster: KafkaCluster;
  readonly #settings: KafkaSettings;
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #busyNodes = new Set<number>();
  #session: Promise<Session> | null = null;
  #sizeBytes = 0;
  #records = 0;
  #appends = 0;
  #sweep: NodeJS.Timeout | null = null;

  constructor(cluster: KafkaCluster, settings: KafkaSettings) {
    this.#cluster = cluster;
    this.#settings = settings;
  }

  /** Bytes and records of appends that no broker has answered yet. */
  get unanswered(): { sizeBytes: number; records: number } {
    return { sizeBytes: this.#sizeBytes, records: this.#records };
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    const deadline = performance.now() + this.#cluster.timeoutMs;
    const now = Date.now();
    const keys = records.map(({ key }) => Buffer.from(key, 'utf8'));
    const encoded = records.map((record, i) => encodeRecord(keys[i] ?? EMPTY, record, now));
    const total = encoded.reduce((sum, record) => sum + sizeOf(record), 0);
    if (this.#sizeBytes > 0 && this.#sizeBytes + total > this.#settings.bufferBytes) {
      throw new LogFullError(
        `${this.#sizeBytes} bytes wait for Kafka already; no room for ${total} more`,
      );
    }
    this.#sizeBytes += total;
    const layout = await this.#cluster.topic(topic).catch((error: unknown) => {
      this.#sizeBytes -= total;
      throw error;
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const append = { deadline, left: records.length, resolve, reject };
    for (const [i, record] of encoded.entries()) {
      const partition = javaPartition(keys[i] ?? EMPTY, layout.leaders.length);
      const sizeBytes = sizeOf(record);
      this.#queue(topic, partition).pending.push({ ...record, sizeBytes, append });
    }
    this.#records += records.length;
    this.#appends += 1;
    this.#sweep ??= setInterval(() => this.#expire(), SWEEP_MS);
    this.#kick(layout.leaders);
    await promise;
  }

  /** Resolves when everything appended so far is answered for. */
  async idle(): Promise<void> {
    while (this.#records > 0) await delay(5);
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
  }

  #queue(topic: string, partition: number): PartitionQueue {
    const key = `${topic}:${partition}`;
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const queue = { topic, partition, key, pending: [], batch: null, inFlight: false };
    const created = { ...queue, maxBatchBytes: MAX_BATCH_BYTES };
    this.#queues.set(key, created);
    return created;
  }

  #kick(leaders: Iterable<number>): void {
    for (const node of new Set(leaders)) {
      if (this.#busyNodes.has(node)) continue;
      this.#busyNodes.add(node);
      void this.#serve(node);
    }
  }

  async #serve(node: number): Promise<void> {
    // Appends made in the same turn go out together.
    await nextTurn();
    for (;;) {
      const seen = this.#appends;
      const ready = await this.#readyQueues(node);
      if (ready.length === 0) {
        // An append during the look found this node busy and left its records to us.
        if (seen !== this.#appends) continue;
        this.#busyNodes.delete(node);
        return;
      }
      const records = ready.reduce((sum, { batch }) => sum + (batch?.records.length ?? 0), 0);
      const again = await this.#send(node, ready);
      for (const queue of ready) queue.inFlight = false;
      if (again) await delay(RETRY_MS);
      else if (records > 1) await delay(GATHER_MS);
      else await nextTurn();
    }
  }

  /** The queues that `node` leads and that have something to send; work for other nodes is passed on. */
  async #readyQueues(node: number): Promise<PartitionQueue[]> {
    const ready: PartitionQueue[] = [];
    for (const queue of this.#queues.values()) {
      if (queue.inFlight || (queue.batch === null && queue.pending.length === 0)) continue;
      const leader = await this.#leaderOf(queue);
      if (leader === null) continue;
      if (leader !== node) this.#kick([leader]);
      else if (!queue.inFlight) {
        // Taken at once: the look at the next queue gives others a turn.
        queue.inFlight = true;
        ready.push(queue);
      }
    }
    const taken = ready.filter((queue) => queue.batch !== null || queue.pending.length > 0);
    for (const queue of ready) queue.inFlight = taken.includes(queue);
    for (const queue of taken) queue.batch ??= takeBatch(queue);
    return taken;
  }

  async #leaderOf(queue: PartitionQueue): Promise<number | null> {
    try {
      return (await this.#cluster.topic(queue.topic)).leaders[queue.partition] ?? null;
    } catch (error) {
      this.#fail(queue, error);
      return null;
    }
  }

  /** Whether something has to be sent again. */
  async #send(node: number, queues: readonly PartitionQueue[]): Promise<boolean> {
    const batches = queues.flatMap(({ batch }) => (batch === null ? [] : [batch]));
    const attemptEnd = performance.now() + this.#cluster.attemptMs;
    const deadline = Math.min(attemptEnd, ...batches.map((batch) => batch.deadline));
    try {
      const session = await withDeadline((this.#session ??= this.#openSession()), deadline);
      let again = false;
      // A request carries one producer id; batches that began under an older one go by themselves.
      for (const [used, group] of Map.groupBy(queues, (queue) => queue.batch?.session ?? session)) {
        number(used, group);
        if (await this.#request(node, used, group, deadline)) again = true;
      }
      return again;
    } catch (error) {
      this.#cluster.passOver();
      return this.#failExpired(queues, error);
    }
  }

  /** After a request that failed as a whole; whether some of its batches can be sent again. */
  #failExpired(queues: readonly PartitionQueue[], error: unknown): boolean {
    const isFinal = isAuthenticationFailure(error);
    let again = false;
    for (const queue of queues) {
      this.#cluster.forgetTopic(queue.topic);
      // Without a batch it was answered before the failure.
      if (queue.batch === null) continue;
      if (isFinal || queue.batch.deadline <= performance.now()) this.#fail(queue, error);
      else again = true;
    }
    return again;
  }

  async #request(
    node: number,
    session: Session,
    queues: readonly PartitionQueue[],
    deadline: number,
  ): Promise<boolean> {
    const connection = await withDeadline(this.#cluster.nodeConnection(node), deadline);
    const batches = queues.flatMap(({ topic, partition, batch }) =>
      batch === null ? [] : [{ topic, partition, bytes: this.#bytesOf(batch, session) }],
    );
    const request = produce.async(connection, this.#cluster.attemptMs, batches);
    const answer = await withDeadline(answerOf(request), deadline);
    let again = false;
    for (const { name, partitionResponses } of answer.responses) {
      for (const { index, errorCode, errorMessage } of partitionResponses) {
        const queue = this.#queue(name, index);
        if (this.#settle(queue, session, errorCode, errorMessage)) again = true;
      }
    }
    return again;
  }

  #bytesOf(batch: Batch, { producerId, producerEpoch }: Session): Buffer {
    const identity = { producerId, producerEpoch, firstSequence: batch.sequence };
    batch.bytes ??= encodeRecordBatch(batch.records, identity, this.#settings.compression);
    return batch.bytes;
  }

  /** Whether the batch has to be sent again. */
  #settle(queue: PartitionQueue, session: Session, code: number, message?: string | null): boolean {
    const { batch } = queue;
    if (batch === null) return false;
    if (code === CODE.none || code === CODE.duplicateSequence) {
      queue.batch = null;
      for (const record of batch.records) this.#finish(record);
      return false;
    }
    if (code === CODE.messageTooLarge || code === CODE.recordListTooLarge) {
      return this.#splitOrRefuse(queue, batch, session);
    }
    const reason = new Error(`${queue.key}: ${message ?? 'produce failed'} (code ${code})`);
    if (isTransient(code) && performance.now() < batch.deadline) {
      this.#cluster.forgetTopic(queue.topic);
      return true;
    }
    this.#fail(queue, reason);
    return false;
  }

  #splitOrRefuse(queue: PartitionQueue, batch: Batch, session: Session): boolean {
    // Refused before it was written, so its sequence numbers are free again.
    session.sequences.set(queue.key, batch.sequence);
    queue.batch = null;
    const [only, second] = batch.records;
    if (second !== undefined) {
      queue.maxBatchBytes = Math.max(1, Math.floor(sumBytes(batch.records) / 2));
      queue.pending.unshift(...batch.records);
      return true;
    }
    if (only === undefined) return false;
    this.#finish(
      only,
      new InvalidRecordError(
        `a record of ${only.sizeBytes} bytes is larger than topic ${queue.topic} takes`,
      ),
    );
    return false;
  }

  /** Nobody knows whether the batch was written, so its producer id and numbers are given up. */
  #fail(queue: PartitionQueue, cause: unknown): void {
    const { batch } = queue;
    const records = batch === null ? queue.pending.splice(0) : batch.records;
    queue.batch = null;
    if (batch !== null) this.#session = null;
    const error =
      cause instanceof LogUnavailableError
        ? cause
        : new LogUnavailableError(`Kafka did not take records for ${queue.key}`, { cause });
    for (const record of records) this.#finish(record, error);
  }

  #expire(): void {
    const now = performance.now();
    for (const queue of this.#queues.values()) {
      if ((queue.pending[0]?.append.deadline ?? Infinity) > now) continue;
      const error = new LogUnavailableError(
        `Kafka did not answer within ${this.#cluster.timeoutMs} ms for ${queue.key}`,
      );
      for (const record of queue.pending) {
        if (record.append.deadline <= now) this.#finish(record, error);
      }
      queue.pending = queue.pending.filter((record) => record.append.deadline > now);
    }
    if (this.#records === 0 && this.#sweep !== null) {
      clearInterval(this.#sweep);
      this.#sweep = null;
    }
  }

  #finish(record: PendingRecord, error?: unknown): void {
    this.#sizeBytes -= record.sizeBytes;
    this.#records -= 1;
    record.append.left -= 1;
    if (error !== undefined) record.append.reject(error);
    else if (record.append.left === 0) record.append.resolve();
  }

  async #openSession(): Promise<Session> {
    try {
      const connection = await this.#cluster.anyConnection();
      const answer = await initProducerIdV5.api.async(connection, null, 0);
      const { producerId, producerEpoch } = answer;
      return { producerId, producerEpoch, sequences: new NumericMap() };
    } catch (error) {
      this.#session = null;
      throw error;
    }
  }
}

/** Gives batches that were never sent their place in the session. */
function number(session: Session, queues: readonly PartitionQueue[]): void {
  for (const { key, batch } of queues) {
    if (batch === null || batch.session !== null) continue;
    batch.session = session;
    batch.sequence = session.sequences.getWithDefault(key, 0);
    session.sequences.set(key, (batch.sequence + batch.records.length) & 0x7fffffff);
  }
}

function takeBatch(queue: PartitionQueue): Batch {
  let bytes = 0;
  let count = 0;
  for (const record of queue.pending) {
    bytes += record.sizeBytes;
    if (count > 0 && bytes > queue.maxBatchBytes) break;
    count += 1;
  }
  const records = queue.pending.splice(0, count);
  const deadline = Math.min(...records.map((record) => record.append.deadline));
  return { records, deadline, session: null, sequence: 0, bytes: null };
}

function sizeOf({ content }: EncodedRecord): number {
  return RECORD_OVERHEAD_BYTES + content.length;
}

function sumBytes(records: readonly PendingRecord[]): number {
  return records.reduce((sum, record) => sum + record.sizeBytes, 0);
}
