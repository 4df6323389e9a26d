import type { Kysely, Selectable, Transaction, Updateable } from 'kysely';
import type { DecommissionOptions } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import type { DecommissionTable } from './tables.ts';

export type DecommissionRow = Selectable<DecommissionTable>;

/** Where each retired device is on its way out. */
export class DecommissionStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async begin(
    trx: Transaction<Database>,
    deviceId: string,
    options: DecommissionOptions,
    reason: string,
    nowMs: number,
  ): Promise<void> {
    await trx
      .insertInto('decommissions')
      .values({
        device_id: deviceId,
        step: 'drain',
        options_json: JSON.stringify(options),
        reason,
        requested_at_ms: nowMs,
        drained_at_ms: null,
        wiped_at_ms: null,
        wipe: null,
        steps_json: '[]',
        last_error: null,
        failures: 0,
        next_at_ms: nowMs,
      })
      .execute();
  }

  async find(deviceId: string): Promise<DecommissionRow | undefined> {
    return this.#db
      .selectFrom('decommissions')
      .selectAll()
      .where('device_id', '=', deviceId)
      .executeTakeFirst();
  }

  due(nowMs: number, limit: number): Promise<DecommissionRow[]> {
    return this.#db
      .selectFrom('decommissions')
      .selectAll()
      .where('next_at_ms', '<=', nowMs)
      .orderBy('next_at_ms')
      .limit(limit)
      .execute();
  }

  async update(deviceId: string, change: Updateable<DecommissionTable>): Promise<void> {
    await this.#db
      .updateTable('decommissions')
      .set(change)
      .where('device_id', '=', deviceId)
      .execute();
  }

  /** The device says that a part of its order is done; looked at with the next turn. */
  async noteDone(deviceId: string, done: 'drained' | 'wiped', nowMs: number): Promise<void> {
    const column = done === 'drained' ? 'drained_at_ms' : 'wiped_at_ms';
    await this.#db
      .updateTable('decommissions')
      .set({ [column]: nowMs, next_at_ms: nowMs })
      .where('device_id', '=', deviceId)
      .where('step', '!=', 'done')
      .execute();
  }
}
