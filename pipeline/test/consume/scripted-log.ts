import { TOPIC_LOGS } from '@flotilla/contracts';
import {
  PartitionLostError,
  type CommittedPosition,
  type LogConsumer,
  type ReadLimits,
  type StoredRecord,
  type TopicPartition,
} from '@flotilla/event-log';
import { setTimeout as delay } from 'node:timers/promises';

export const AT: TopicPartition = { topic: TOPIC_LOGS, partition: 0 };

/** One partition of a log whose offsets have gaps, whose start moves, and whose owner changes, as told. */
export class ScriptedLog {
  records: StoredRecord[] = [];
  position: CommittedPosition | null = null;
  owner: ScriptedConsumer | null = null;
  /** Reads give nothing, as of a broker that has just been started. */
  isQuiet = false;

  add(offset: number, value: Uint8Array, headers: Readonly<Record<string, string>> = {}): void {
    this.records.push({ ...AT, offset, key: 'd1', value, headers, appendedAtMs: 1_000 });
  }

  get end(): number {
    return (this.records.at(-1)?.offset ?? -1) + 1;
  }

  /** Retention took everything below `offset`. */
  dropBelow(offset: number): void {
    this.records = this.records.filter((record) => record.offset >= offset);
  }

  member(): ScriptedConsumer {
    return new ScriptedConsumer(this);
  }

  /** Gives the partition to `member`; the one before is told as Kafka tells it, when it next asks. */
  giveTo(member: ScriptedConsumer): void {
    if (this.owner !== null) this.owner.isLossUntold = true;
    this.owner = member;
  }
}

export class ScriptedConsumer implements LogConsumer {
  readonly #log: ScriptedLog;
  isLossUntold = false;
  /** A stopped process believes what it knew last, until it speaks to the group again. */
  isStopped = false;
  readonly commits: CommittedPosition[] = [];
  /** How often it was told that the partition is not its own. */
  refusals = 0;

  constructor(log: ScriptedLog) {
    this.#log = log;
  }

  assignment(): Promise<TopicPartition[]> {
    if (this.isStopped) return Promise.resolve([AT]);
    if (this.#log.owner !== this) this.isLossUntold = false;
    return Promise.resolve(this.#log.owner === this ? [AT] : []);
  }

  committed(): Promise<CommittedPosition | null> {
    this.isLossUntold = false;
    return this.#asOwner(() => this.#log.position);
  }

  endOffset(): Promise<number> {
    return Promise.resolve(this.#log.end);
  }

  read(_: TopicPartition, offset: number, limits: ReadLimits): Promise<StoredRecord[]> {
    return this.#asOwner(() => {
      if (this.#log.isQuiet) return [];
      return this.#log.records
        .filter((record) => record.offset >= offset)
        .slice(0, Math.max(1, limits.maxRecords));
    });
  }

  commit(_: TopicPartition, position: CommittedPosition): Promise<void> {
    return this.#asOwner(() => {
      this.commits.push(position);
      this.#log.position = position;
    });
  }

  async wait(timeoutMs: number): Promise<void> {
    await delay(Math.min(timeoutMs, 2));
  }

  close(): Promise<void> {
    if (this.#log.owner === this) this.#log.owner = null;
    return Promise.resolve();
  }

  async #asOwner<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    this.#checkOwned();
    return work();
  }

  #checkOwned(): void {
    if (this.isLossUntold || this.#log.owner !== this) {
      this.isLossUntold = false;
      this.refusals += 1;
      throw new PartitionLostError('moved');
    }
  }
}
