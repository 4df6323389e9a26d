import { setTimeout as delay } from 'node:timers/promises';
import { HEADER_BATCH_ID, HEADER_DEVICE_ID, TOPIC_LOGS, TOPIC_METRICS } from '@flotilla/contracts';
import type { LogConsumer, StoredRecord, TopicPartition } from '@flotilla/event-log';
import { countPoints, DecodeError, decodeMetrics } from '@flotilla/otlp';
import type { DiskQueue, QueueRequest } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { countEntries } from './domain/count-entries.ts';
import { IntervalAggregate } from './domain/interval-aggregate.ts';
import type { AggregationRule } from './domain/metric-cells.ts';
import { packRequests } from './domain/pack-requests.ts';

const READ_LIMITS = { maxRecords: 500, maxBytes: 8 * 1024 * 1024 };
const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_REMEMBERED_BATCHES = 50_000;
const RETRY_MS = 1000;

export const JOURNAL_TOPICS = [TOPIC_METRICS, TOPIC_LOGS] as const;
const markSchema = z.record(z.string(), z.number().int());

export interface MoverCounts {
  receivedPoints: number;
  forwardedPoints: number;
  repeatedBatches: number;
  earlyIntervals: number;
  /** Requests forwarded as they came, since they could not be decoded. */
  undecoded: number;
}

export interface JournalMoverOptions {
  readonly consumer: LogConsumer;
  readonly queue: DiskQueue;
  readonly rule: AggregationRule;
  readonly maxSeries: number;
  readonly logger: Logger;
  readonly clock: () => number;
}

/**
 * Moves what the receivers wrote into the journal on to the queue: logs at once and as they came,
 * metrics once per interval, merged. How far it came is written in the transaction that enqueues, so
 * a kill at any point loses nothing and doubles nothing: what was not moved is read again.
 */
export class JournalMover {
  readonly counts: MoverCounts = {
    receivedPoints: 0,
    forwardedPoints: 0,
    repeatedBatches: 0,
    earlyIntervals: 0,
    undecoded: 0,
  };
  readonly #options: JournalMoverOptions;
  readonly #stop = new AbortController();
  readonly #offsets = new Map<string, number>();
  readonly #seen = new Set<string>();
  #aggregate: IntervalAggregate;
  #raw: QueueRequest[] = [];
  #partitions: TopicPartition[] = [];
  #flushAtMs = 0;
  #loop: Promise<void> | undefined;
  /** Why nothing moves at the moment. */
  failing: string | null = null;

  constructor(options: JournalMoverOptions) {
    this.#options = options;
    this.#aggregate = new IntervalAggregate(options.rule);
  }

  get series(): number {
    return this.#aggregate.series;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Moves what the journal holds, the interval's unfinished part included. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#rewind();
        while (!this.#stop.signal.aborted) await this.#step();
        while (await this.#readAll());
        await this.#flush();
        return;
      } catch (err) {
        this.failing = err instanceof Error ? err.message : String(err);
        this.#options.logger.error({ err }, 'telemetry could not be moved from journal to queue');
        if (this.#stop.signal.aborted) return;
        await delay(RETRY_MS);
      }
    }
  }

  /** Back to what the queue has for sure. */
  async #rewind(): Promise<void> {
    const { consumer, rule, clock } = this.#options;
    this.#aggregate = new IntervalAggregate(rule);
    this.#raw = [];
    this.#seen.clear();
    this.#partitions = await consumer.assignment();
    for (const partition of this.#partitions) {
      const moved = this.#mark(partition.topic)[String(partition.partition)] ?? 0;
      // A journal that ends before the mark is a new one.
      const offset = moved > (await consumer.endOffset(partition)) ? 0 : moved;
      this.#offsets.set(keyOf(partition), offset);
      if (partition.topic === TOPIC_METRICS) await this.#rememberBatches(partition, offset);
    }
    this.#flushAtMs = nextBoundary(clock(), rule.intervalMs);
  }

  /** A repeat may come after a restart; the journal still has the first. */
  async #rememberBatches(partition: TopicPartition, upTo: number): Promise<void> {
    let offset = 0;
    while (offset < upTo) {
      const records = await this.#options.consumer.read(partition, offset, READ_LIMITS);
      for (const record of records) if (record.offset < upTo) this.#isRepeat(record);
      const last = records.at(-1);
      if (last === undefined) return;
      offset = last.offset + 1;
    }
  }

  async #step(): Promise<void> {
    const { clock, rule, maxSeries, consumer } = this.#options;
    const read = await this.#readAll();
    const nowMs = clock();
    const full = this.#aggregate.series > maxSeries;
    // A clock set back must not stretch the interval.
    const due = nowMs >= this.#flushAtMs || this.#flushAtMs - nowMs > rule.intervalMs;
    if (full || due) {
      if (full && !due) this.counts.earlyIntervals += 1;
      await this.#flush();
      if (due) this.#flushAtMs = nextBoundary(nowMs, rule.intervalMs);
    }
    this.failing = null;
    if (!read) {
      await consumer.wait(Math.max(1, Math.min(1000, this.#flushAtMs - nowMs)), this.#stop.signal);
    }
  }

  async #readAll(): Promise<boolean> {
    let read = false;
    for (const partition of this.#partitions) {
      const offset = this.#offsets.get(keyOf(partition)) ?? 0;
      const records = await this.#options.consumer.read(partition, offset, READ_LIMITS);
      const last = records.at(-1);
      if (last === undefined) continue;
      read = true;
      this.#offsets.set(keyOf(partition), last.offset + 1);
      if (partition.topic === TOPIC_METRICS) for (const record of records) this.#take(record);
      else await this.#move(partition.topic, records.map(toLogRequest));
    }
    return read;
  }

  #take(record: StoredRecord): void {
    if (this.#isRepeat(record)) {
      this.counts.repeatedBatches += 1;
      return;
    }
    try {
      const request = decodeMetrics(record.value);
      this.counts.receivedPoints += countPoints(request);
      this.#aggregate.add(request);
    } catch (err) {
      if (!(err instanceof DecodeError)) throw err;
      // The pipeline keeps what cannot be decoded, with the reason; here it would be lost.
      this.counts.undecoded += 1;
      this.#raw.push({ path: '/v1/metrics', body: record.value, entries: 0, ...batchIdOf(record) });
    }
  }

  async #flush(): Promise<void> {
    const packed = packRequests(this.#aggregate.take(), MAX_REQUEST_BYTES);
    const requests = packed.map((request) => ({ path: '/v1/metrics', ...request }) as const);
    const raw = this.#raw;
    this.#raw = [];
    await this.#move(TOPIC_METRICS, [...requests, ...raw]);
    this.counts.forwardedPoints += packed.reduce((sum, { entries }) => sum + entries, 0);
  }

  async #move(topic: string, requests: readonly QueueRequest[]): Promise<void> {
    const { queue, consumer } = this.#options;
    const partitions = this.#partitions.filter((partition) => partition.topic === topic);
    const position = Object.fromEntries(
      partitions.map((partition) => [
        partition.partition,
        this.#offsets.get(keyOf(partition)) ?? 0,
      ]),
    );
    const value = JSON.stringify(position);
    if (requests.length === 0 && value === queue.mark(topic)) return;
    queue.enqueueAll(requests, { name: topic, value });
    for (const partition of partitions) {
      const offset = this.#offsets.get(keyOf(partition)) ?? 0;
      await consumer.commit(partition, { offset, metadata: '' });
    }
  }

  #mark(topic: string): Record<string, number> {
    const value = this.#options.queue.mark(topic);
    return value === null ? {} : markSchema.parse(JSON.parse(value));
  }

  /** Ids are unique per device; the oldest are forgotten. */
  #isRepeat(record: StoredRecord): boolean {
    const batchId = record.headers[HEADER_BATCH_ID];
    if (batchId === undefined) return false;
    const id = `${record.headers[HEADER_DEVICE_ID] ?? record.key}/${batchId}`;
    if (this.#seen.has(id)) return true;
    this.#seen.add(id);
    if (this.#seen.size > MAX_REMEMBERED_BATCHES) {
      const oldest = this.#seen.values().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    return false;
  }
}

/** Under the device's own batch id, so that its repeats are recognised in the end. */
function toLogRequest(record: StoredRecord): QueueRequest {
  const body = record.value;
  return { path: '/v1/logs', body, entries: countEntries(body), ...batchIdOf(record) };
}

function batchIdOf(record: StoredRecord): { readonly batchId?: string } {
  const batchId = record.headers[HEADER_BATCH_ID];
  return batchId === undefined ? {} : { batchId };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function nextBoundary(nowMs: number, intervalMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
}
