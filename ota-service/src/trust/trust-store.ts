import type { Kysely } from 'kysely';
import type { OfflineRole } from '@flotilla/contracts';
import { readMetadata, type MetadataOf, type TrustRole } from '@flotilla/trust';
import type { Database } from '../db/database.ts';

/** A device in the middle of a refresh still asks for the snapshot that was the newest when it began. */
const KEPT_SNAPSHOTS = 10;

/** Rows of the TUF repository; pass a transaction to read and write within it. */
export class TrustStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async current<R extends TrustRole>(role: R): Promise<MetadataOf[R] | null> {
    const row = await this.currentFile(role);
    return row === undefined ? null : readMetadata(role, row.text);
  }

  async currentFile(role: TrustRole): Promise<{ version: number; text: string } | undefined> {
    return this.#db
      .selectFrom('tuf_metadata')
      .select(['version', 'text'])
      .where('role', '=', role)
      .orderBy('version', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  async text(role: TrustRole, version: number): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('tuf_metadata')
      .select('text')
      .where('role', '=', role)
      .where('version', '=', version)
      .executeTakeFirst();
    return row?.text;
  }

  async add(role: TrustRole, version: number, text: string, nowMs: number): Promise<void> {
    const row = { role, version, text, created_at_ms: nowMs };
    await this.#db.insertInto('tuf_metadata').values(row).execute();
    const kept = { timestamp: 1, snapshot: KEPT_SNAPSHOTS, root: Infinity, targets: Infinity }[
      role
    ];
    if (version <= kept) return;
    await this.#db
      .deleteFrom('tuf_metadata')
      .where('role', '=', role)
      .where('version', '<=', version - kept)
      .execute();
  }

  async staged<R extends OfflineRole>(role: R): Promise<MetadataOf[R] | null> {
    const row = await this.#db
      .selectFrom('tuf_staged')
      .select('text')
      .where('role', '=', role)
      .executeTakeFirst();
    return row === undefined ? null : readMetadata(role, row.text);
  }

  async stage(role: OfflineRole, text: string, nowMs: number): Promise<void> {
    const row = { role, text, updated_at_ms: nowMs };
    await this.#db
      .insertInto('tuf_staged')
      .values(row)
      .onConflict((conflict) => conflict.column('role').doUpdateSet(row))
      .execute();
  }

  async unstage(role: OfflineRole): Promise<void> {
    await this.#db.deleteFrom('tuf_staged').where('role', '=', role).execute();
  }
}
