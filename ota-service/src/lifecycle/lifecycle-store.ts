import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import type { LifecycleActor, LifecycleState } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { isPostgres } from '../db/engine.ts';
import type { LifecycleHistoryTable } from './tables.ts';

export interface DeviceInLifecycle {
  readonly id: string;
  readonly lifecycle: LifecycleState;
  readonly isQuarantined: boolean;
}

export interface LifecycleChangeRecord {
  readonly from: LifecycleState | null;
  readonly to: LifecycleState;
  readonly reason: string;
  readonly actor: LifecycleActor;
}

/** Which devices a bulk operation is about: page by page, by id. */
export interface LifecyclePage {
  readonly deviceIds: readonly string[] | undefined;
  readonly group: string | undefined;
  readonly model: string | undefined;
  readonly afterId: string;
  readonly limit: number;
}

/** States and their history; every change is written with its entry or not at all. */
export class LifecycleStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Held for the transaction where others write at the same time. */
  async lockDevice(trx: Transaction<Database>, id: string): Promise<DeviceInLifecycle | undefined> {
    const device = await trx
      .selectFrom('devices')
      .select(['id', 'lifecycle'])
      .where('id', '=', id)
      .$if(isPostgres(trx), (q) => q.forUpdate())
      .executeTakeFirst();
    if (device === undefined) return undefined;
    return { ...device, isQuarantined: await this.isQuarantined(id, trx) };
  }

  async isQuarantined(id: string, db: Kysely<Database> = this.#db): Promise<boolean> {
    const identity = await db
      .selectFrom('device_identities')
      .select('state')
      .where('device_id', '=', id)
      .executeTakeFirst();
    return identity?.state === 'quarantined';
  }

  async pageOf({ deviceIds, group, model, afterId, limit }: LifecyclePage): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('devices')
      .select('id')
      .where('id', '>', afterId)
      .$if(deviceIds !== undefined, (q) => q.where('id', 'in', [...(deviceIds ?? [])]))
      .$if(group !== undefined, (q) => q.where('group_name', '=', group ?? ''))
      .$if(model !== undefined, (q) => q.where('model', '=', model ?? ''))
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map((row) => row.id);
  }

  /** The caller holds the device. */
  async record(
    trx: Transaction<Database>,
    deviceId: string,
    { from, to, reason, actor }: LifecycleChangeRecord,
    nowMs: number,
  ): Promise<void> {
    if (from !== null) {
      await trx.updateTable('devices').set({ lifecycle: to }).where('id', '=', deviceId).execute();
    }
    const { last } = await trx
      .selectFrom('lifecycle_history')
      .select(sql<number>`coalesce(max(seq), 0)`.as('last'))
      .where('device_id', '=', deviceId)
      .executeTakeFirstOrThrow();
    const entry = { from_state: from, to_state: to, reason, actor, at_ms: nowMs };
    await trx
      .insertInto('lifecycle_history')
      .values({ device_id: deviceId, seq: last + 1, ...entry })
      .execute();
  }

  /** Newest first. */
  history(deviceId: string, limit: number): Promise<Selectable<LifecycleHistoryTable>[]> {
    return this.#db
      .selectFrom('lifecycle_history')
      .selectAll()
      .where('device_id', '=', deviceId)
      .orderBy('seq', 'desc')
      .limit(limit)
      .execute();
  }
}
