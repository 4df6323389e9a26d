import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { ResolvedOptions } from '../event-log-options.ts';
import { writeTransaction } from './log-database.ts';
import { decideTrim, trimBound } from './retention.ts';
import type { Statements } from './statements.ts';

/** Small, so that a step delays other processes' appends by little. */
const STEP_RECORDS = 256;

/** Removes what every group has committed and retention no longer keeps, in small steps. */
export class Trimmer {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #options: ResolvedOptions;

  constructor(database: DatabaseSync, statements: Statements, options: ResolvedOptions) {
    this.#database = database;
    this.#statements = statements;
    this.#options = options;
  }

  /** One transaction per step until nothing is left to trim, or `stop` says so. Returns freed bytes. */
  async trim(stop: () => boolean = () => false): Promise<number> {
    let freedBytes = 0;
    while (!stop()) {
      const step = await writeTransaction(this.#database, this.#options.writeTimeoutMs, () =>
        this.#step(this.#options.retainBytes),
      );
      if (step === 0) break;
      freedBytes += step;
      await nextTurn();
    }
    return freedBytes;
  }

  /** Frees committed records until the log is at most `targetBytes`; call inside a transaction. */
  makeRoom(targetBytes: number): void {
    while (this.#totalBytes() > targetBytes && this.#step(targetBytes) > 0);
  }

  #totalBytes(): number {
    return this.#statements.totalSize.get({})?.sizeBytes ?? 0;
  }

  #step(targetBytes: number): number {
    let excessBytes = this.#totalBytes() - targetBytes;
    let stepBytes = 0;
    for (const partition of this.#statements.allPartitions.all({})) {
      const freed = this.#trimPartition(partition.id, Math.max(0, excessBytes));
      excessBytes -= freed;
      stepBytes += freed;
    }
    return stepBytes;
  }

  #trimPartition(partitionId: number, excessBytes: number): number {
    const statements = this.#statements;
    const committed = statements.committedFloor.get({ partitionId });
    const bound = trimBound(committed?.groups ?? 0, committed?.floor ?? null, this.#options);
    const oldest = statements.oldestRecords.all({
      partitionId,
      beforeOffset: bound.floor,
      limit: STEP_RECORDS,
    });
    const { beforeOffset, freedBytes } = decideTrim(oldest, {
      nowMs: this.#options.clock(),
      retentionMs: bound.retentionMs,
      excessBytes: bound.bySize ? excessBytes : 0,
    });
    if (beforeOffset === null) return 0;
    statements.deleteRecords.run({ partitionId, beforeOffset });
    statements.shrinkPartition.run({ partitionId, firstOffset: beforeOffset, freedBytes });
    return freedBytes;
  }
}
