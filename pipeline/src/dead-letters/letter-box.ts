import { TOPIC_DEAD_LETTERS } from '@flotilla/contracts';
import type { EventLog, LogConsumer, StoredRecord, TopicPartition } from '@flotilla/event-log';
import type { LetterSpool } from './letter-spool.ts';
import { isMeant, readLetter, revived, type Letter, type LetterFilter } from './letter.ts';
import { fromPosition, isReplayed, toPosition, withReplayed } from './domain/replay-mark.ts';

/** Its position tells what was replayed. */
export const REPLAY_GROUP = 'dead-letter-replay';
const READ_LIMITS = { maxRecords: 500, maxBytes: 16 * 1024 * 1024 };
const ASSIGNMENT_TIMEOUT_MS = 30_000;

export interface FoundLetter {
  readonly letter: Letter;
  readonly record: StoredRecord;
}

export interface ReplayCount {
  readonly replayed: number;
  /** Letters that do not say where they came from, or are whole batches; export those. */
  readonly homeless: number;
}

/** The dead letters of a log, in its topic and in the spool beside it, as an operator handles them. */
export class LetterBox {
  readonly #log: EventLog;
  readonly #consumer: LogConsumer;
  readonly #spool: LetterSpool | null;

  private constructor(log: EventLog, consumer: LogConsumer, spool: LetterSpool | null) {
    this.#log = log;
    this.#consumer = consumer;
    this.#spool = spool;
  }

  /** Rejects with GroupHeldError while another one is at it on the embedded log. */
  static async open(log: EventLog, spool: LetterSpool | null): Promise<LetterBox> {
    return new LetterBox(log, await log.consumer(REPLAY_GROUP, [TOPIC_DEAD_LETTERS]), spool);
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  /** Letters that are meant, oldest first within a partition, replayed ones included. */
  async *find(filter: LetterFilter): AsyncGenerator<FoundLetter> {
    for (const partition of await this.#partitions()) {
      const mark = fromPosition(await this.#consumer.committed(partition));
      for await (const record of this.#records(partition)) {
        const letter = readLetter(record, isReplayed(mark, record.offset));
        if (isMeant(letter, filter)) yield { letter, record };
      }
    }
    yield* this.#findSpooled(filter);
  }

  async *#findSpooled(filter: LetterFilter): AsyncGenerator<FoundLetter & { name: string }> {
    for await (const { name, record } of this.#spool?.letters() ?? []) {
      const letter = { ...readLetter(record, false), at: `spool:${name}` };
      if (isMeant(letter, filter)) yield { letter, record, name };
    }
  }

  /**
   * Appends what is meant and not yet replayed to its first topic again, then writes it down; a spooled
   * letter is removed. A crash in between repeats some: the pipeline drops them by batch id, where they
   * carry one.
   */
  async replay(filter: LetterFilter): Promise<ReplayCount> {
    const count = { replayed: 0, homeless: 0 };
    for (const partition of await this.#partitions()) {
      let mark = fromPosition(await this.#consumer.committed(partition));
      for await (const record of this.#records(partition)) {
        if (isReplayed(mark, record.offset)) continue;
        if (!isMeant(readLetter(record, false), filter)) continue;
        const next = withReplayed(mark, [record.offset]);
        const position = toPosition(next);
        if (!(await this.#revive(record, count))) continue;
        await this.#consumer.commit(partition, position);
        mark = next;
      }
    }
    for await (const { record, name } of this.#findSpooled(filter)) {
      if (await this.#revive(record, count)) await this.#spool?.remove(name);
    }
    return count;
  }

  async #revive(
    record: StoredRecord,
    count: { replayed: number; homeless: number },
  ): Promise<boolean> {
    const letter = revived(record);
    if (letter === null) {
      count.homeless += 1;
      return false;
    }
    await this.#log.append(letter.topic, [letter.record]);
    count.replayed += 1;
    return true;
  }

  /** Up to the end as it is now: a replayed letter may die again meanwhile, and then is a new one. */
  async *#records(partition: TopicPartition): AsyncGenerator<StoredRecord> {
    const end = await this.#consumer.endOffset(partition);
    for (let offset = 0; offset < end;) {
      const records = await this.#consumer.read(partition, offset, READ_LIMITS);
      for (const record of records) if (record.offset < end) yield record;
      const last = records.at(-1);
      if (last === undefined) return;
      offset = last.offset + 1;
    }
  }

  /** A new member of a group that shares its partitions out is given them after a while. */
  async #partitions(): Promise<TopicPartition[]> {
    const deadline = performance.now() + ASSIGNMENT_TIMEOUT_MS;
    for (;;) {
      const partitions = await this.#consumer.assignment();
      if (partitions.length > 0 || performance.now() > deadline) return partitions;
      await this.#consumer.wait(200);
    }
  }
}
