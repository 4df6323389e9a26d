import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { isCorruption, openQueueDatabase } from './queue-database.ts';
import { prepareStatements, type QueueStatements } from './queue-statements.ts';

/** Request paths of OTLP/HTTP. */
export type OtlpPath = '/v1/metrics' | '/v1/logs';

/**
 * Why telemetry was given up: the queue was full, it was too old, the collector refused it for good,
 * or the disk did not take it.
 */
export const DROP_REASONS = ['bytes', 'age', 'refused', 'unwritable'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface QueueItem {
  readonly id: number;
  /** Made once; the collector's side recognises a repeat by it. */
  readonly batchId: string;
  readonly path: OtlpPath;
  readonly body: Uint8Array;
  readonly createdAtMs: number;
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
  path: z.enum(['/v1/metrics', '/v1/logs']),
  body: z.instanceof(Uint8Array),
  createdAtMs: z.number(),
});
const headerSchema = z.object({ id: z.number(), createdAtMs: z.number(), sizeBytes: z.number() });
const sizeSchema = z.object({ sizeBytes: z.number() });
const totalsSchema = z.object({ items: z.number(), sizeBytes: z.number() });
const dropsSchema = z.array(z.object({ reason: z.enum(DROP_REASONS), items: z.number() }));

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
  /** Cannot be kept on a disk that does not write. */
  #unwritable = 0;

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
  enqueue(path: OtlpPath, body: Uint8Array): EnqueueResult {
    const { maxBytes } = this.#limits;
    if (body.length > maxBytes) {
      this.#transaction(() => this.#count('bytes', 1));
      return { queued: false, reason: 'bytes' };
    }
    const batchId = this.#newId();
    const createdAtMs = this.#clock();
    this.#transaction(() => {
      this.#expire(createdAtMs);
      this.#dropOldestWhile('bytes', () => this.#sizeBytes + body.length > maxBytes);
      this.#statements.insertItem.run({ batchId, path, createdAtMs, body });
      this.#items += 1;
      this.#sizeBytes += body.length;
    });
    for (const listener of this.#listeners) listener();
    return { queued: true, batchId };
  }

  /** The next item to send, or undefined when there is none. Gives up what has become too old. */
  oldest(): QueueItem | undefined {
    return this.#guarded(() => {
      const header = this.#header();
      if (header !== undefined && this.#tooOld(header.createdAtMs, this.#clock())) {
        this.#transaction(() => this.#expire(this.#clock()));
      }
      const row = this.#statements.oldestItem.get();
      return row === undefined ? undefined : itemSchema.parse(row);
    });
  }

  /** The collector has it. Harmless when the item gave way to newer ones meanwhile. */
  acknowledge(id: number): void {
    this.#transaction(() => this.#delete(id));
  }

  /** The collector will never take it. */
  refuse(id: number): void {
    this.#transaction(() => {
      if (this.#delete(id)) this.#count('refused', 1);
    });
  }

  /** A request that never reached the disk. */
  countUnwritable(): void {
    this.#unwritable += 1;
  }

  /** Items given up since the queue's file was created; `unwritable` since the process started. */
  dropped(): Readonly<Record<DropReason, number>> {
    const counts: Record<DropReason, number> = { bytes: 0, age: 0, refused: 0, unwritable: 0 };
    const rows = dropsSchema.parse(this.#guarded(() => this.#statements.drops.all()));
    for (const { reason, items } of rows) counts[reason] = items;
    return { ...counts, unwritable: counts.unwritable + this.#unwritable };
  }

  onEnqueued(listener: () => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#database.close();
  }

  #expire(nowMs: number): void {
    this.#dropOldestWhile('age', (createdAtMs) => this.#tooOld(createdAtMs, nowMs));
  }

  #tooOld(createdAtMs: number, nowMs: number): boolean {
    if (createdAtMs < CLOCK_SET_AFTER_MS) return false;
    return nowMs - createdAtMs > this.#limits.maxAgeMs;
  }

  #dropOldestWhile(reason: DropReason, shouldDrop: (createdAtMs: number) => boolean): void {
    let dropped = 0;
    for (;;) {
      const header = this.#header();
      if (header === undefined || !shouldDrop(header.createdAtMs)) break;
      this.#delete(header.id);
      dropped += 1;
    }
    if (dropped === 0) return;
    this.#count(reason, dropped);
    // Once full, every enqueue comes here; the metric tells the rest of the story.
    const level = this.#announced.has(reason) ? 'debug' : 'warn';
    this.#announced.add(reason);
    this.#options.logger[level]({ reason, dropped }, 'telemetry queue gave up its oldest items');
  }

  #header(): z.output<typeof headerSchema> | undefined {
    const row = this.#statements.oldestHeader.get();
    return row === undefined ? undefined : headerSchema.parse(row);
  }

  #delete(id: number): boolean {
    const row = this.#statements.deleteItem.get({ id });
    if (row === undefined) return false;
    this.#items -= 1;
    this.#sizeBytes -= sizeSchema.parse(row).sizeBytes;
    return true;
  }

  #count(reason: DropReason, items: number): void {
    this.#statements.countDrop.run({ reason, items });
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
