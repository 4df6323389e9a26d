import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import {
  DROP_REASONS,
  noDrops,
  noLosses,
  OTLP_PATHS,
  SIGNAL_OF_PATH,
  type DropCounts,
  type DropReason,
  type LostCounts,
  type OtlpPath,
} from './drop-counts.ts';
import { isCorruption, openQueueDatabase } from './queue-database.ts';
import { prepareStatements, type QueueStatements } from './queue-statements.ts';

export interface QueueItem {
  readonly id: number;
  /** Made once; the collector's side recognises a repeat by it. */
  readonly batchId: string;
  readonly path: OtlpPath;
  readonly body: Uint8Array;
  /** Data points, log records or spans in the body. */
  readonly entries: number;
  readonly createdAtMs: number;
}

/** A request to keep; without a batch id it gets one. */
export interface QueueRequest {
  readonly path: OtlpPath;
  readonly body: Uint8Array;
  readonly entries: number;
  readonly batchId?: string;
}

/** How far a source has been moved into the queue, in the source's own words. */
export interface QueueMark {
  readonly name: string;
  /** Null forgets the name. */
  readonly value: string | null;
}

export interface QueueLimits {
  /** Sum of the bodies. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export const DEFAULT_QUEUE_LIMITS: QueueLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 3 * 24 * 3600 * 1000,
};

export interface DiskQueueOptions {
  readonly folder: string;
  readonly logger: Logger;
  readonly limits?: Partial<QueueLimits>;
  readonly clock?: () => number;
  readonly newId?: () => string;
}

export type EnqueueResult =
  | { readonly queued: true; readonly batchId: string }
  /** Larger than the whole queue; counted as a drop. */
  | { readonly queued: false; readonly reason: 'bytes' };

/**
 * A board without a battery-backed clock boots in the past. What it queued before the clock was set
 * has no known age; dropping it all the moment the time arrives would lose the whole boot.
 */
const CLOCK_SET_AFTER_MS = Date.UTC(2025, 0, 1);

const itemSchema = z.object({
  id: z.number(),
  batchId: z.string(),
  path: z.enum(OTLP_PATHS),
  body: z.instanceof(Uint8Array),
  entries: z.number(),
  createdAtMs: z.number(),
});
const headerSchema = z.object({ id: z.number(), createdAtMs: z.number(), sizeBytes: z.number() });
const deletedSchema = z.object({
  sizeBytes: z.number(),
  path: z.enum(OTLP_PATHS),
  entries: z.number(),
});
const markSchema = z.object({ value: z.string() });
const totalsSchema = z.object({ items: z.number(), sizeBytes: z.number() });
const dropsSchema = z.array(
  z.object({
    reason: z.enum(DROP_REASONS),
    path: z.enum(OTLP_PATHS),
    items: z.number(),
    entries: z.number(),
  }),
);

/**
 * Requests waiting for the collector, oldest first, bounded by bytes and age. Every call is on disk
 * when it returns; a kill at any point loses nothing that was acknowledged. When full, the oldest
 * give way and are counted. One process at a time. A file that turns out damaged while in use is
 * moved aside like one found damaged at the start.
 */
export class DiskQueue {
  readonly #options: DiskQueueOptions;
  readonly #limits: QueueLimits;
  readonly #clock: () => number;
  readonly #newId: () => string;
  readonly #listeners = new Set<() => void>();
  readonly #announced = new Set<DropReason>();
  #database: DatabaseSync;
  #statements: QueueStatements;
  #items = 0;
  #sizeBytes = 0;
  /** Items up to this id are under way. */
  #lastTaken = 0;
  /** Cannot be kept on a disk that does not write. */
  #unwritable = 0;
  readonly #unwritableEntries = { metrics: 0, logs: 0, traces: 0 };

  /** Throws QueueOpenError when the folder cannot hold a queue. */
  constructor(options: DiskQueueOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_QUEUE_LIMITS, ...options.limits };
    this.#clock = options.clock ?? Date.now;
    this.#newId = options.newId ?? randomUUID;
    this.#database = openQueueDatabase(options.folder, options.logger);
    this.#statements = prepareStatements(this.#database);
    this.#readTotals();
  }

  get items(): number {
    return this.#items;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Throws what SQLite throws (disk full, I/O error); then nothing changed. */
  enqueue(path: OtlpPath, body: Uint8Array, entries = 1): EnqueueResult {
    const batchId = this.#newId();
    const kept = this.enqueueAll([{ path, body, entries, batchId }]);
    return kept === 1 ? { queued: true, batchId } : { queued: false, reason: 'bytes' };
  }

  /**
   * All in one transaction, and the mark with them: after a kill either both are there or neither.
   * Without requests only the mark is written.
   * Returns how many were kept; one larger than the whole queue is counted as dropped. Throws what
   * SQLite throws; then nothing changed.
   */
  enqueueAll(requests: readonly QueueRequest[], mark?: QueueMark): number {
    let kept = 0;
    this.#transaction(() => {
      kept = 0;
      const nowMs = this.#clock();
      this.#expire(nowMs);
      for (const request of requests) if (this.#insert(request, nowMs)) kept += 1;
      if (mark !== undefined) this.#write(mark);
    });
    if (kept > 0) for (const listener of this.#listeners) listener();
    return kept;
  }

  /** The mark written last under this name, or null. */
  mark(name: string): string | null {
    const row = this.#guarded(() => this.#statements.readMark.get({ name }));
    return row === undefined ? null : markSchema.parse(row).value;
  }

  /** The next item to send, or undefined when there is none. Gives up what has become too old. */
  oldest(): QueueItem | undefined {
    return this.oldestItems(1)[0];
  }

  /** As oldest, for up to `maxItems`, oldest first. */
  oldestItems(maxItems: number): QueueItem[] {
    return this.#guarded(() => {
      const header = this.#header();
      if (header !== undefined && this.#tooOld(header.createdAtMs, this.#clock())) {
        this.#transaction(() => this.#expire(this.#clock()));
      }
      return z.array(itemSchema).parse(this.#statements.oldestItems.all({ maxItems }));
    });
  }

  /**
   * As oldestItems, and none of them gives way until `settle` is called: one that the collector takes
   * meanwhile must not be counted as lost. Only when nothing else is left does the bound take them too.
   */
  takeOldest(maxItems: number): QueueItem[] {
    const items = this.oldestItems(maxItems);
    this.#lastTaken = items.at(-1)?.id ?? 0;
    return items;
  }

  /** The collector has it. Harmless when the item gave way to newer ones meanwhile. */
  acknowledge(id: number): void {
    this.settle([id], []);
  }

  /** The collector will never take it. */
  refuse(id: number): void {
    this.settle([], [id]);
  }

  /** Acknowledges and refuses in one transaction. What else was taken may give way again. */
  settle(acknowledged: readonly number[], refused: readonly number[]): void {
    this.#lastTaken = 0;
    if (acknowledged.length + refused.length === 0) return;
    this.#transaction(() => {
      for (const id of acknowledged) this.#delete(id);
      for (const id of refused) {
        const item = this.#delete(id);
        if (item !== null) this.#count('refused', item.path, 1, item.entries);
      }
    });
  }

  /** A part of a request that the collector took otherwise ("Partial Success"). */
  countRejected(path: OtlpPath, entries: number): void {
    this.#guarded(() => this.#count('refused', path, 0, entries));
  }

  /** A request that never reached the disk. */
  countUnwritable(path: OtlpPath = '/v1/metrics', entries = 0): void {
    this.#unwritable += 1;
    this.#unwritableEntries[SIGNAL_OF_PATH[path]] += entries;
  }

  /** Items given up since the queue's file was created; `unwritable` since the process started. */
  dropped(): DropCounts {
    const counts = noDrops();
    for (const { reason, items } of this.#drops()) counts[reason] += items;
    counts.unwritable += this.#unwritable;
    return counts;
  }

  /** As dropped, in data points, log records and spans: what the bound really cost. */
  lost(): LostCounts {
    const counts = noLosses();
    for (const { reason, path, entries } of this.#drops()) {
      counts[reason][SIGNAL_OF_PATH[path]] += entries;
    }
    counts.unwritable = { ...this.#unwritableEntries };
    return counts;
  }

  onEnqueued(listener: () => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#database.close();
  }

  #write({ name, value }: QueueMark): void {
    if (value === null) this.#statements.deleteMark.run({ name });
    else this.#statements.writeMark.run({ name, value });
  }

  #expire(nowMs: number): void {
    this.#dropOldestWhile('age', (createdAtMs) => this.#tooOld(createdAtMs, nowMs));
  }

  #tooOld(createdAtMs: number, nowMs: number): boolean {
    if (createdAtMs < CLOCK_SET_AFTER_MS) return false;
    return nowMs - createdAtMs > this.#limits.maxAgeMs;
  }

  #insert({ path, body, entries, batchId }: QueueRequest, createdAtMs: number): boolean {
    const { maxBytes } = this.#limits;
    if (body.length > maxBytes) {
      this.#count('bytes', path, 1, entries);
      return false;
    }
    this.#dropOldestWhile('bytes', () => this.#sizeBytes + body.length > maxBytes);
    const id = batchId ?? this.#newId();
    this.#statements.insertItem.run({ batchId: id, path, createdAtMs, entries, body });
    this.#items += 1;
    this.#sizeBytes += body.length;
    return true;
  }

  #dropOldestWhile(reason: DropReason, shouldDrop: (createdAtMs: number) => boolean): void {
    let dropped = 0;
    for (;;) {
      const free = this.#header(this.#lastTaken);
      const header = free ?? (reason === 'bytes' ? this.#header() : undefined);
      if (header === undefined || !shouldDrop(header.createdAtMs)) break;
      const item = this.#delete(header.id);
      if (item !== null) this.#count(reason, item.path, 1, item.entries);
      dropped += 1;
    }
    if (dropped === 0) return;
    // Once full, every enqueue comes here; the metric tells the rest of the story.
    const level = this.#announced.has(reason) ? 'debug' : 'warn';
    this.#announced.add(reason);
    this.#options.logger[level]({ reason, dropped }, 'telemetry queue gave up its oldest items');
  }

  #header(after = 0): z.output<typeof headerSchema> | undefined {
    const row = this.#statements.oldestHeader.get({ after });
    return row === undefined ? undefined : headerSchema.parse(row);
  }

  #delete(id: number): z.output<typeof deletedSchema> | null {
    const row = this.#statements.deleteItem.get({ id });
    if (row === undefined) return null;
    const deleted = deletedSchema.parse(row);
    this.#items -= 1;
    this.#sizeBytes -= deleted.sizeBytes;
    return deleted;
  }

  #count(reason: DropReason, path: OtlpPath, items: number, entries: number): void {
    this.#statements.countDrop.run({ reason, path, items, entries });
  }

  #drops(): z.output<typeof dropsSchema> {
    return dropsSchema.parse(this.#guarded(() => this.#statements.drops.all()));
  }

  #readTotals(): void {
    const totals = totalsSchema.parse(this.#statements.totals.get());
    this.#items = totals.items;
    this.#sizeBytes = totals.sizeBytes;
  }

  #transaction(work: () => void): void {
    this.#guarded(() => {
      const before = { items: this.#items, sizeBytes: this.#sizeBytes };
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        work();
        this.#database.exec('COMMIT');
      } catch (error) {
        this.#items = before.items;
        this.#sizeBytes = before.sizeBytes;
        // On a full disk or an I/O error SQLite may have rolled back by itself.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Runs `work`; when the file turns out damaged, starts a fresh one and runs it once more. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isCorruption(error)) throw error;
      this.#database.close();
      this.#database = openQueueDatabase(this.#options.folder, this.#options.logger);
      this.#statements = prepareStatements(this.#database);
      this.#readTotals();
      return work();
    }
  }
}
