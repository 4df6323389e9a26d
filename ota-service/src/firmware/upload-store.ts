import type { Kysely, Selectable } from 'kysely';
import type { Database } from '../db/database.ts';
import type { UploadTable } from './tables.ts';

export type UploadRow = Selectable<UploadTable>;

/** Rows of resumable uploads. */
export class UploadStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async insert(row: UploadRow): Promise<void> {
    await this.#db.insertInto('uploads').values(row).execute();
  }

  async byId(id: string): Promise<UploadRow | undefined> {
    return this.#db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async ids(): Promise<string[]> {
    const rows = await this.#db.selectFrom('uploads').select('id').execute();
    return rows.map(({ id }) => id);
  }

  /** Promises the bytes below the offset, and gives the upload a new lease. */
  async advance(id: string, offsetBytes: number, expiresAtMs: number): Promise<void> {
    await this.#db
      .updateTable('uploads')
      .set({ offset_bytes: offsetBytes, expires_at_ms: expiresAtMs })
      .where('id', '=', id)
      .execute();
  }

  async setFirmware(id: string, firmwareId: string): Promise<void> {
    await this.#db
      .updateTable('uploads')
      .set({ firmware_id: firmwareId })
      .where('id', '=', id)
      .execute();
  }

  async delete(id: string): Promise<void> {
    await this.#db.deleteFrom('uploads').where('id', '=', id).execute();
  }

  async expired(nowMs: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('uploads')
      .select('id')
      .where('expires_at_ms', '<=', nowMs)
      .execute();
    return rows.map(({ id }) => id);
  }
}
