import { PostgresAdapter, sql, type Kysely, type Selectable } from 'kysely';
import type { LifecycleState, WithheldReason } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import type { DeviceTable } from './tables.ts';

export type DeviceRow = Selectable<DeviceTable>;

export interface DeviceFilter {
  readonly model?: string | undefined;
  readonly group?: string | undefined;
  readonly lifecycle?: LifecycleState | undefined;
  /** Part of the id; case does not matter for A-Z. */
  readonly q?: string | undefined;
  readonly limit: number;
  /** Devices whose id sorts behind this one. */
  readonly afterId?: string | undefined;
}

/** What a device said about itself in a poll. */
export interface DeviceState {
  readonly firmwareVersion: string | null;
  readonly firmwareSha256: string | null;
  readonly hardwareRevision: string | null;
}

/** A firmware that a campaign has for a device and that is held back. */
export interface Withheld {
  readonly firmwareId: string;
  readonly reason: WithheldReason;
  readonly detail: string;
}

/** Two parameters each; SQLite takes 32,766. */
export const MAX_SIGHTINGS = 500;

/** Rows of the device registry. */
export class DeviceStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** False when the id is taken. */
  async insert(row: DeviceRow, db: Kysely<Database> = this.#db): Promise<boolean> {
    const result = await db
      .insertInto('devices')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async byId(id: string): Promise<DeviceRow | undefined> {
    return this.#db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
  }

  /** By id, ascending. */
  async list(filter: DeviceFilter): Promise<DeviceRow[]> {
    let query = this.#db.selectFrom('devices').selectAll().orderBy('id').limit(filter.limit);
    if (filter.model !== undefined) query = query.where('model', '=', filter.model);
    if (filter.group !== undefined) query = query.where('group_name', '=', filter.group);
    if (filter.lifecycle !== undefined) query = query.where('lifecycle', '=', filter.lifecycle);
    if (filter.afterId !== undefined) query = query.where('id', '>', filter.afterId);
    if (filter.q !== undefined) {
      // `!` as escape: a backslash means something else to each engine.
      const pattern = `%${filter.q.toLowerCase().replaceAll(/[!%_]/g, '!$&')}%`;
      query = query.where(sql<boolean>`lower(id) like ${pattern} escape '!'`);
    }
    return query.execute();
  }

  async setState(id: string, state: DeviceState, nowMs: number): Promise<void> {
    await this.#db
      .updateTable('devices')
      .set({
        firmware_version: state.firmwareVersion,
        firmware_sha256: state.firmwareSha256,
        hardware_revision: state.hardwareRevision,
        // Assignments read the row as it was.
        previous_firmware_sha256: sql<string | null>`case
          when firmware_sha256 is null or firmware_sha256 = ${state.firmwareSha256}
          then previous_firmware_sha256 else firmware_sha256 end`,
        last_seen_at_ms: nowMs,
      })
      .where('id', '=', id)
      .execute();
  }

  /** Null when nothing is held back any more. */
  async setWithheld(id: string, withheld: Withheld | null, nowMs: number): Promise<void> {
    await this.#db
      .updateTable('devices')
      .set({
        withheld_firmware_id: withheld?.firmwareId ?? null,
        withheld_reason: withheld?.reason ?? null,
        withheld_detail: withheld?.detail ?? null,
        withheld_since_ms: withheld === null ? null : nowMs,
      })
      .where('id', '=', id)
      .execute();
  }

  /** Devices of a model that a firmware was held back from, by reason. */
  async countWithheld(): Promise<{ model: string; reason: WithheldReason; count: number }[]> {
    const rows = await this.#db
      .selectFrom('devices')
      .select(['model', 'withheld_reason', (q) => q.fn.countAll<number | string>().as('count')])
      .where('withheld_reason', 'is not', null)
      .where('lifecycle', '!=', 'retired')
      .groupBy(['model', 'withheld_reason'])
      .execute();
    return rows.flatMap(({ model, withheld_reason: reason, count }) =>
      reason === null ? [] : [{ model, reason, count: Number(count) }],
    );
  }

  /** One statement and one commit; at most MAX_SIGHTINGS. */
  async setLastSeen(seenAtMs: Iterable<readonly [id: string, atMs: number]>): Promise<void> {
    const seen = [...seenAtMs].map(
      ([id, atMs]) => sql`(cast(${id} as text), cast(${atMs} as bigint))`,
    );
    if (seen.length === 0) return;
    const isShared = this.#db.getExecutor().adapter instanceof PostgresAdapter;
    // In one order, so that two replicas with the same devices wait and do not deadlock.
    const locked = isShared
      ? sql`, locked as (select id from devices where id in (select id from seen)
          order by id for no key update)`
      : sql``;
    const after = isShared ? sql`and devices.id in (select id from locked)` : sql``;
    // A poll that changed something has stored its own, newer time meanwhile.
    await sql`with seen (id, at_ms) as (values ${sql.join(seen)}) ${locked}
      update devices set last_seen_at_ms = seen.at_ms from seen
      where devices.id = seen.id ${after}
        and (devices.last_seen_at_ms is null or devices.last_seen_at_ms < seen.at_ms)`.execute(
      this.#db,
    );
  }
}
