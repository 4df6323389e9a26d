import type { Kysely, Selectable } from 'kysely';
import type { Database } from '../db/database.ts';
import type { DeltaState, DeltaTable } from '../firmware/tables.ts';
import type { ReleasedArtifact } from './domain/delta-policy.ts';

export type StoredDelta = Selectable<DeltaTable>;

/** Names a delta: from which artifact to which. */
export interface DeltaPair {
  readonly baseSha256: string;
  readonly targetSha256: string;
}

export interface DeltaJob extends DeltaPair {
  readonly targetSizeBytes: number;
  /** What a whole transfer of the target would take. */
  readonly fullTransferBytes: number;
}

/** How a job ended. */
export type DeltaOutcome =
  | { readonly state: 'ready'; readonly sha256: string; readonly sizeBytes: number }
  | { readonly state: 'not_worthwhile' | 'failed'; readonly detail: string };

/** Rows of the delta table: the queue of jobs, and their results. */
export class DeltaStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async find({ baseSha256, targetSha256 }: DeltaPair): Promise<StoredDelta | undefined> {
    return this.#db
      .selectFrom('deltas')
      .selectAll()
      .where('base_sha256', '=', baseSha256)
      .where('target_sha256', '=', targetSha256)
      .executeTakeFirst();
  }

  /** Queues the pairs that have no row yet; what is there already keeps its state. */
  async enqueue(pairs: readonly DeltaPair[], codec: string, nowMs: number): Promise<void> {
    if (pairs.length === 0) return;
    const rows = pairs.map((pair) => ({
      base_sha256: pair.baseSha256,
      target_sha256: pair.targetSha256,
      state: 'pending' as const,
      sha256: null,
      size_bytes: null,
      codec,
      detail: null,
      created_at_ms: nowMs,
      updated_at_ms: nowMs,
    }));
    await this.#db
      .insertInto('deltas')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['base_sha256', 'target_sha256']).doNothing())
      .execute();
  }

  /**
   * The job that most devices wait for, the oldest of equal ones. Those for which `isWaiting` holds are passed over, and
   * those towards a firmware that was withdrawn.
   */
  async nextPending(
    isWaiting: (pair: DeltaPair) => boolean = () => false,
  ): Promise<DeltaJob | undefined> {
    const jobs = await this.#db
      .selectFrom('deltas')
      .innerJoin('firmware', 'firmware.sha256', 'deltas.target_sha256')
      .select([
        'deltas.base_sha256 as baseSha256',
        'deltas.target_sha256 as targetSha256',
        'firmware.size_bytes as targetSizeBytes',
        'firmware.full_size_bytes as fullTransferBytes',
      ])
      .where('deltas.state', '=', 'pending')
      .where('firmware.state', '=', 'released')
      .orderBy(
        (eb) =>
          eb
            .selectFrom('devices')
            .select((q) => q.fn.countAll().as('waiting'))
            .whereRef('devices.model', '=', 'firmware.model')
            .whereRef('devices.firmware_sha256', '=', 'deltas.base_sha256'),
        'desc',
      )
      .orderBy('deltas.created_at_ms')
      .execute();
    return jobs.find((job) => !isWaiting(job));
  }

  /** Leaves a job that failed in the queue, for another attempt. */
  async postpone(pair: DeltaPair, detail: string, nowMs: number): Promise<void> {
    await this.#db
      .updateTable('deltas')
      .set({ detail, updated_at_ms: nowMs })
      .where('base_sha256', '=', pair.baseSha256)
      .where('target_sha256', '=', pair.targetSha256)
      .execute();
  }

  /** The first outcome stands. */
  async finish(pair: DeltaPair, outcome: DeltaOutcome, nowMs: number): Promise<void> {
    const ready = outcome.state === 'ready';
    await this.#db
      .updateTable('deltas')
      .set({
        state: outcome.state,
        sha256: ready ? outcome.sha256 : null,
        size_bytes: ready ? outcome.sizeBytes : null,
        detail: ready ? null : outcome.detail,
        updated_at_ms: nowMs,
      })
      .where('base_sha256', '=', pair.baseSha256)
      .where('target_sha256', '=', pair.targetSha256)
      .where('state', '=', 'pending')
      .execute();
  }

  async releasedArtifacts(model: string): Promise<ReleasedArtifact[]> {
    const rows = await this.#db
      .selectFrom('firmware')
      .select(['sha256', 'released_at_ms'])
      .where('model', '=', model)
      // A withdrawn version may still run on devices, which need to get away from it.
      .where('state', '!=', 'draft')
      // From bytes that garbage collection took no delta can be made.
      .where('bytes_removed_at_ms', 'is', null)
      .execute();
    return rows.map((row) => ({ sha256: row.sha256, releasedAtMs: row.released_at_ms ?? 0 }));
  }

  /** Digests in the running slots of the model's devices. */
  async runningArtifacts(model: string): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('devices')
      .select('firmware_sha256')
      .distinct()
      .where('model', '=', model)
      .where('lifecycle', '!=', 'retired')
      .where('firmware_sha256', 'is not', null)
      .execute();
    return rows.flatMap((row) => (row.firmware_sha256 === null ? [] : [row.firmware_sha256]));
  }

  async countByState(): Promise<Map<DeltaState, number>> {
    const rows = await this.#db
      .selectFrom('deltas')
      .select(['state', (q) => q.fn.countAll<number | string>().as('count')])
      .groupBy('state')
      .execute();
    return new Map(rows.map((row) => [row.state, Number(row.count)]));
  }
}
