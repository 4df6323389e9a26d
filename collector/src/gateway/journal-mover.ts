import { setTimeout as delay } from 'node:timers/promises';
import { HEADER_BATCH_ID, HEADER_DEVICE_ID, TOPIC_METRICS } from '@flotilla/contracts';
import type { LogConsumer, StoredRecord, TopicPartition } from '@flotilla/event-log';
import { countPoints, DecodeError, decodeMetrics } from '@flotilla/otlp';
import { OTLP_PATHS, type DiskQueue, type OtlpPath, type QueueRequest } from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { SIGNALS } from '../receive/export-request.ts';
import { countEntries } from './domain/count-entries.ts';
import { readCounters, writeCounters } from './domain/counter-record.ts';
import { CounterState } from './domain/counter-state.ts';
import { IntervalAggregate } from './domain/interval-aggregate.ts';
import type { AggregationRule } from './domain/metric-cells.ts';
import { packRequests } from './domain/pack-requests.ts';
import { RecentBatches } from './domain/recent-batches.ts';
import { readMark, startOffset, writeMark } from './journal-position.ts';

const READ_LIMITS = { maxRecords: 500, maxBytes: 8 * 1024 * 1024 };
const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_REMEMBERED_BATCHES = 50_000;
const RETRY_MS = 1000;
const NANOS_PER_MS = 1_000_000n;

/** Everything the receivers may acknowledge. */
export const JOURNAL_TOPICS: readonly string[] = SIGNALS.map(({ topic }) => topic);
const PATHS = new Map(
  SIGNALS.flatMap(({ topic, path }) => OTLP_PATHS.filter((p) => p === path).map((p) => [topic, p])),
);

export interface MoverCounts {
  receivedPoints: number;
  forwardedPoints: number;
  repeatedBatches: number;
  earlyIntervals: number;
  /** Cumulative points that kept all attributes, for want of room to merge them. */
  unmergedPoints: number;
  /** Requests forwarded as they came, since they could not be decoded. */
  undecoded: number;
}

/** How much an interval may come to; it ends early beyond one of these. */
export interface IntervalLimits {
  /** Held in memory. */
  readonly maxSeries: number;
  readonly maxBytes: number;
  /** Of requests: the journal keeps them until the interval's end. */
  readonly maxJournalBytes: number;
}

export interface JournalMoverOptions {
  readonly consumer: LogConsumer;
  readonly queue: DiskQueue;
  readonly rule: AggregationRule;
  readonly limits: IntervalLimits;
  readonly logger: Logger;
  readonly clock: () => number;
}

/**
 * Moves what the receivers wrote into the journal on to the queue: logs and spans at once and as they
 * came, metrics once per interval, merged. How far it came is written in the transaction that
 * enqueues, so a kill at any point loses nothing and doubles nothing: what was not moved is read again.
 */
export class JournalMover {
  readonly counts: MoverCounts = {
    receivedPoints: 0,
    forwardedPoints: 0,
    repeatedBatches: 0,
    earlyIntervals: 0,
    unmergedPoints: 0,
    undecoded: 0,
  };
  readonly #options: JournalMoverOptions;
  readonly #stop = new AbortController();
  readonly #offsets = new Map<string, number>();
  #batches = new RecentBatches(MAX_REMEMBERED_BATCHES);
  #counters: CounterState;
  #aggregate: IntervalAggregate;
  #raw: QueueRequest[] = [];
  #rawBytes = 0;
  /** Of the requests read since the last interval ended. */
  #readBytes = 0;
  #partitions: TopicPartition[] = [];
  #flushAtMs = 0;
  #loop: Promise<void> | undefined;
  /** Why nothing moves at the moment. */
  failing: string | null = null;

  constructor(options: JournalMoverOptions) {
    this.#options = options;
    this.#counters = this.#newCounters();
    this.#aggregate = new IntervalAggregate(options.rule, this.#counters);
  }

  get series(): number {
    return this.#aggregate.series;
  }

  get sizeBytes(): number {
    return this.#aggregate.sizeBytes + this.#rawBytes;
  }

  /** Series whose last value is kept from interval to interval, for streams without their attributes. */
  get countedSeries(): number {
    return this.#counters.series;
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
    const { consumer, queue, rule, limits, clock } = this.#options;
    const record = readMark(queue, TOPIC_METRICS)?.counters;
    this.#counters =
      record === undefined ? this.#newCounters() : readCounters(record, limits.maxSeries);
    this.#aggregate = new IntervalAggregate(rule, this.#counters);
    this.#raw = [];
    this.#rawBytes = 0;
    this.#readBytes = 0;
    this.#batches = new RecentBatches(MAX_REMEMBERED_BATCHES);
    this.#partitions = await consumer.assignment();
    for (const partition of this.#partitions) {
      const mark = readMark(queue, partition.topic);
      const offset = await startOffset(consumer, partition, mark);
      this.#offsets.set(keyOf(partition), offset);
      if (partition.topic === TOPIC_METRICS) await this.#rememberBatches(partition, offset);
    }
    // So that a kill before the first interval's end does not change since when counters count.
    await this.#move(TOPIC_METRICS, []);
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
    const { clock, rule, consumer } = this.#options;
    const read = await this.#readAll();
    const nowMs = clock();
    // A clock set back must not stretch the interval.
    if (nowMs >= this.#flushAtMs || this.#flushAtMs - nowMs > rule.intervalMs) {
      await this.#flush();
      this.#flushAtMs = nextBoundary(nowMs, rule.intervalMs);
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
      if (partition.topic === TOPIC_METRICS) await this.#aggregateAll(partition, records);
      else {
        this.#offsets.set(keyOf(partition), last.offset + 1);
        await this.#move(partition.topic, records.map(toRequest));
      }
    }
    return read;
  }

  async #aggregateAll(partition: TopicPartition, records: readonly StoredRecord[]): Promise<void> {
    for (const record of records) {
      this.#take(record);
      this.#readBytes += record.value.length;
      this.#offsets.set(keyOf(partition), record.offset + 1);
      if (!this.#isFull()) continue;
      this.counts.earlyIntervals += 1;
      await this.#flush();
    }
  }

  #isFull(): boolean {
    const { maxSeries, maxBytes, maxJournalBytes } = this.#options.limits;
    return (
      this.series > maxSeries || this.sizeBytes > maxBytes || this.#readBytes > maxJournalBytes
    );
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
      this.#raw.push({ ...toRequest(record), entries: 0 });
      this.#rawBytes += record.value.length;
    }
  }

  async #flush(): Promise<void> {
    const packed = packRequests(this.#aggregate.take(), MAX_REQUEST_BYTES);
    const requests = packed.map((request) => ({ path: '/v1/metrics', ...request }) as const);
    const raw = this.#raw;
    this.#raw = [];
    this.#rawBytes = 0;
    this.#readBytes = 0;
    this.#counters.settle(this.#options.clock());
    await this.#move(TOPIC_METRICS, [...requests, ...raw]);
    this.counts.unmergedPoints += this.#counters.takeRefusedPoints();
    this.counts.forwardedPoints += packed.reduce((sum, { entries }) => sum + entries, 0);
  }

  async #move(topic: string, requests: readonly QueueRequest[]): Promise<void> {
    const { queue, consumer } = this.#options;
    const partitions = this.#partitions.filter((partition) => partition.topic === topic);
    const value = writeMark({
      position: Object.fromEntries(
        partitions.map((partition) => [
          partition.partition,
          this.#offsets.get(keyOf(partition)) ?? 0,
        ]),
      ),
      ...(topic === TOPIC_METRICS && { counters: writeCounters(this.#counters) }),
    });
    if (requests.length === 0 && value === queue.mark(topic)) return;
    queue.enqueueAll(requests, { name: topic, value });
    for (const partition of partitions) {
      const offset = this.#offsets.get(keyOf(partition)) ?? 0;
      await consumer.commit(partition, { offset, metadata: '' });
    }
  }

  /** Ids are unique per device. */
  #isRepeat({ headers, key }: StoredRecord): boolean {
    const batchId = headers[HEADER_BATCH_ID];
    return batchId !== undefined && !this.#batches.add(headers[HEADER_DEVICE_ID] ?? key, batchId);
  }

  #newCounters(): CounterState {
    const { limits, clock } = this.#options;
    return new CounterState(limits.maxSeries, BigInt(clock()) * NANOS_PER_MS);
  }
}

/** As it came, under the device's own batch id, so that its repeats are recognised in the end. */
function toRequest({ topic, value: body, headers }: StoredRecord): QueueRequest {
  const batchId = headers[HEADER_BATCH_ID];
  return {
    path: pathOf(topic),
    body,
    entries: countEntries(body),
    ...(batchId !== undefined && { batchId }),
  };
}

function pathOf(topic: string): OtlpPath {
  const path = PATHS.get(topic);
  if (path === undefined) throw new Error(`the journal has no topic ${topic}`);
  return path;
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function nextBoundary(nowMs: number, intervalMs: number): number {
  return (Math.floor(nowMs / intervalMs) + 1) * intervalMs;
}
