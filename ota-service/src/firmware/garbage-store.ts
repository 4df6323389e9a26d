import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import { isPostgres } from '../db/engine.ts';
import type { GarbageDecision, GarbageState } from './domain/garbage-decision.ts';

/** What garbage collection reads and writes in the registry. */
export class GarbageStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** One moment's rows. */
  async read(): Promise<Omit<GarbageState, 'stored'>> {
    const transaction = this.#db.transaction();
    // One snapshot for all statements; SQLite has no other kind.
    const reading = isPostgres(this.#db)
      ? transaction.setIsolationLevel('repeatable read').setAccessMode('read only')
      : transaction;
    return reading.execute(async (trx) => {
      const firmware = await trx
        .selectFrom('firmware')
        .select([
          'id',
          'state',
          'sha256',
          'full_sha256 as fullSha256',
          'withdrawn_at_ms as withdrawnAtMs',
        ])
        .execute();
      const deltas = await trx
        .selectFrom('deltas')
        .select(['base_sha256', 'target_sha256', 'state', 'sha256'])
        .execute();
      const devices = await trx
        .selectFrom('devices')
        .select(['firmware_sha256', 'previous_firmware_sha256'])
        .distinct()
        .where('lifecycle', '!=', 'retired')
        .execute();
      return {
        firmware,
        deltas: deltas.map((row) => ({
          baseSha256: row.base_sha256,
          targetSha256: row.target_sha256,
          isPending: row.state === 'pending',
          sha256: row.sha256,
        })),
        onDevices: new Set(
          devices
            .flatMap((row) => [row.firmware_sha256, row.previous_firmware_sha256])
            .filter((sha256) => sha256 !== null),
        ),
      };
    });
  }

  /** All or nothing. */
  async giveUp(decision: GarbageDecision, nowMs: number): Promise<void> {
    await this.#db.transaction().execute(async (trx) => {
      for (const id of decision.firmwareIds) {
        await trx
          .updateTable('firmware')
          .set({ bytes_removed_at_ms: nowMs })
          .where('id', '=', id)
          .where('state', '=', 'withdrawn')
          .execute();
      }
      for (const { baseSha256, targetSha256 } of decision.deltas) {
        await trx
          .deleteFrom('deltas')
          .where('base_sha256', '=', baseSha256)
          .where('target_sha256', '=', targetSha256)
          .execute();
      }
    });
  }
}
