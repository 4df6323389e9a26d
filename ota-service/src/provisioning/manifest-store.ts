import { sql, type Kysely } from 'kysely';
import type { ManifestRow } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { ManifestDeviceTable, ManufacturerTable } from './tables.ts';

/** Five parameters each; SQLite takes 32,766. */
export const MAX_MANIFEST_ROWS = 1000;

export interface SerialConflict {
  readonly serial: string;
  readonly detail: string;
}

/** Manufacturers, their manifests, and the devices these name. */
export class ManifestStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** False when the name is taken. */
  async addManufacturer(row: ManufacturerTable): Promise<boolean> {
    const result = await this.#db
      .insertInto('manufacturers')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  manufacturers(): Promise<ManufacturerTable[]> {
    return this.#db.selectFrom('manufacturers').selectAll().orderBy('name').execute();
  }

  async manufacturer(name: string): Promise<ManufacturerTable | undefined> {
    return this.#db
      .selectFrom('manufacturers')
      .selectAll()
      .where('name', '=', name)
      .executeTakeFirst();
  }

  /** Manifests signed by it from now on are refused; what it signed before stays. */
  async revokeManufacturer(id: string, nowMs: number): Promise<boolean> {
    const result = await this.#db
      .updateTable('manufacturers')
      .set({ revoked_at_ms: nowMs })
      .where('id', '=', id)
      .where('revoked_at_ms', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async begin(id: string, manufacturerId: string, nowMs: number): Promise<void> {
    await this.#db
      .insertInto('manifests')
      .values({
        id,
        manufacturer_id: manufacturerId,
        state: 'receiving',
        sha256: null,
        row_count: 0,
        created_at_ms: nowMs,
      })
      .execute();
  }

  /** Stores what is new and tells what contradicts an accepted manifest; serials within differ. */
  async addRows(
    manifestId: string,
    rows: readonly ManifestRow[],
  ): Promise<{ known: number; conflicts: SerialConflict[] }> {
    const serials = rows.map((row) => row.serial);
    const accepted = await this.#accepted(serials);
    const conflicts: SerialConflict[] = [];
    const fresh: ManifestDeviceTable[] = [];
    for (const row of rows) {
      const known = accepted.get(row.serial);
      const isSame = known?.claim_key === row.claimKey && known.model === row.model;
      if (known === undefined) fresh.push(tableRow(manifestId, row));
      else if (!isSame) {
        const detail = known.claim_key === null ? 'is retired' : 'has another claim key or model';
        conflicts.push({ serial: row.serial, detail: `${row.serial} ${detail} already` });
      }
    }
    const repeated = await this.#insert(fresh);
    conflicts.push(
      ...repeated.map((serial) => ({ serial, detail: `${serial} stands in it twice` })),
    );
    return { known: rows.length - fresh.length, conflicts };
  }

  /** From now on its devices may claim. False when another manifest took one of its serials meanwhile. */
  async accept(id: string, sha256: string, rowCount: number): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      await lockName(trx, 'manifests');
      const overlap = await trx
        .selectFrom('manifest_devices as mine')
        .innerJoin('manifest_devices as other', 'other.serial', 'mine.serial')
        .innerJoin('manifests', 'manifests.id', 'other.manifest_id')
        .select('mine.serial')
        .where('mine.manifest_id', '=', id)
        .where('other.manifest_id', '!=', id)
        .where('manifests.state', '=', 'accepted')
        .limit(1)
        .executeTakeFirst();
      if (overlap !== undefined) return false;
      await trx
        .updateTable('manifests')
        .set({ state: 'accepted', sha256, row_count: rowCount })
        .where('id', '=', id)
        .execute();
      return true;
    });
  }

  /** Also of one whose upload a crash cut off. */
  async discard(id: string): Promise<void> {
    await this.#db.deleteFrom('manifest_devices').where('manifest_id', '=', id).execute();
    await this.#db.deleteFrom('manifests').where('id', '=', id).execute();
  }

  async unfinished(beforeMs: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('manifests')
      .select('id')
      .where('state', '=', 'receiving')
      .where('created_at_ms', '<', beforeMs)
      .execute();
    return rows.map((row) => row.id);
  }

  /** Of an accepted manifest. */
  async device(serial: string): Promise<ManifestDeviceTable | undefined> {
    return (await this.#accepted([serial])).get(serial);
  }

  /** The serial stays, so that a claim after it is known for what it is. */
  async forgetClaimKey(serial: string): Promise<void> {
    await this.#db
      .updateTable('manifest_devices')
      .set({ claim_key: null })
      .where('serial', '=', serial)
      .execute();
  }

  async #accepted(serials: readonly string[]): Promise<Map<string, ManifestDeviceTable>> {
    const rows = await this.#db
      .selectFrom('manifest_devices')
      .innerJoin('manifests', 'manifests.id', 'manifest_devices.manifest_id')
      .selectAll('manifest_devices')
      .where('serial', 'in', [...serials])
      .where('manifests.state', '=', 'accepted')
      .execute();
    return new Map(rows.map((row) => [row.serial, row]));
  }

  /** The serials that were there already, and are thus in the manifest twice. */
  async #insert(rows: readonly ManifestDeviceTable[]): Promise<string[]> {
    if (rows.length === 0) return [];
    const inserted = await this.#db
      .insertInto('manifest_devices')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['serial', 'manifest_id']).doNothing())
      .returning(sql<string>`serial`.as('serial'))
      .execute();
    if (inserted.length === rows.length) return [];
    const stored = new Set(inserted.map(({ serial }) => serial));
    return rows.map(({ serial }) => serial).filter((serial) => !stored.has(serial));
  }
}

function tableRow(manifestId: string, row: ManifestRow): ManifestDeviceTable {
  return {
    manifest_id: manifestId,
    serial: row.serial,
    model: row.model,
    claim_key: row.claimKey,
    hardware_revision: row.hardwareRevision ?? null,
  };
}
