import { setTimeout as delay } from 'node:timers/promises';
import type { TopicPartition } from '@flotilla/event-log';
import type { Logger } from '@flotilla/service';
import { NameFilter, type FilterMemory } from './batch-ledger-filter.ts';
import type { StoredNames } from './batch-ledger-store.ts';
import { batchKey } from './batch-name.ts';

const RETRY_MS = 5_000;
/** Names added between two turns of the event loop. */
const NAMES_PER_TURN = 5_000;

/**
 * What this process knows of the names of one partition it owns. It answers "surely new" once it has
 * all names the warehouse had when the partition became ours; that is read in the background.
 */
export class PartitionNames {
  readonly #filter: NameFilter;
  readonly #closing = new AbortController();
  #isLoaded = false;
  /** Resolves when the names were read, or will not be. */
  readonly loaded: Promise<void>;

  constructor(partition: TopicPartition, names: StoredNames, memory: FilterMemory, logger: Logger) {
    this.#filter = new NameFilter(memory);
    this.loaded = this.#load(partition, names, logger);
  }

  add(key: string): void {
    this.#filter.add(key);
  }

  isSurelyNew(key: string): boolean {
    return this.#isLoaded && !this.#filter.mayHold(key);
  }

  close(): void {
    this.#closing.abort();
    this.#filter.close();
  }

  /** What a failed attempt added stays: it does no harm. */
  async #load(partition: TopicPartition, names: StoredNames, logger: Logger): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#addAll(partition, names);
        this.#isLoaded = true;
        if (this.#filter.isClosed && !signal.aborted) {
          logger.warn({ ...partition }, 'too many batch names for memory: each is looked up');
        }
        return;
      } catch (err) {
        if (signal.aborted) return;
        logger.warn({ err, ...partition }, 'batch names are looked up until they can be read');
        await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
  }

  async #addAll(partition: TopicPartition, names: StoredNames): Promise<void> {
    let added = 0;
    for await (const page of names.pages(partition)) {
      for (const name of page) {
        this.#filter.add(batchKey(name));
        added += 1;
        if (added % NAMES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
        if (this.#filter.isClosed) return;
      }
    }
  }
}
