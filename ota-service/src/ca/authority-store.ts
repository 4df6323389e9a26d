import type { Kysely, Selectable, Updateable } from 'kysely';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { AuthorityTable, DeviceCertificateTable } from './tables.ts';

export type AuthorityRow = Selectable<AuthorityTable>;
export type DeviceCertificateRow = Selectable<DeviceCertificateTable>;

/** Authorities with their sealed keys, and the serial numbers of what they issued. */
export class AuthorityStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Oldest first; without those whose time is over. */
  current(nowMs: number, db: Kysely<Database> = this.#db): Promise<AuthorityRow[]> {
    return db
      .selectFrom('ca_authorities')
      .selectAll()
      .where('until_ms', '>', nowMs)
      .orderBy('created_at_ms')
      .orderBy('id')
      .execute();
  }

  /** Of several replicas one at a time changes who signs. */
  async exclusively<T>(
    work: (store: AuthorityWrites, rows: readonly AuthorityRow[]) => Promise<T>,
    nowMs: number,
  ): Promise<T> {
    return this.#db.transaction().execute(async (trx) => {
      await lockName(trx, 'ca');
      const writes: AuthorityWrites = {
        insert: async (row) => {
          await trx.insertInto('ca_authorities').values(row).execute();
        },
        update: async (id, change) => {
          await trx.updateTable('ca_authorities').set(change).where('id', '=', id).execute();
        },
      };
      return work(writes, await this.current(nowMs, trx));
    });
  }

  async recordIssued(row: DeviceCertificateRow, db: Kysely<Database> = this.#db): Promise<void> {
    await db.insertInto('device_certificates').values(row).execute();
  }

  async certificate(serialNumber: string): Promise<DeviceCertificateRow | undefined> {
    return this.#db
      .selectFrom('device_certificates')
      .selectAll()
      .where('serial_number', '=', serialNumber)
      .executeTakeFirst();
  }

  /** Those of a device that still hold. */
  validOf(
    deviceId: string,
    nowMs: number,
    db: Kysely<Database> = this.#db,
  ): Promise<DeviceCertificateRow[]> {
    return db
      .selectFrom('device_certificates')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('revoked_at_ms', 'is', null)
      .where('not_after_ms', '>', nowMs)
      .execute();
  }
}

export interface AuthorityWrites {
  readonly insert: (row: AuthorityRow) => Promise<void>;
  readonly update: (id: string, change: Updateable<AuthorityTable>) => Promise<void>;
}
