import type { Kysely, Selectable } from 'kysely';
import type { Envelope } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import type { DeltaTable, FirmwareTable } from './tables.ts';

export type FirmwareRow = Selectable<FirmwareTable>;
/** A delta towards a firmware, with the version its base has for that firmware's model. */
export type DeltaRow = Selectable<DeltaTable> & {
  readonly firmware_id: string;
  readonly base_version: string;
};

/** Rows of the firmware registry. */
export class FirmwareStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async insert(row: FirmwareRow): Promise<void> {
    await this.#db.insertInto('firmware').values(row).execute();
  }

  async byId(id: string): Promise<FirmwareRow | undefined> {
    return this.#db.selectFrom('firmware').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async byVersion(model: string, version: string): Promise<FirmwareRow | undefined> {
    return this.#db
      .selectFrom('firmware')
      .selectAll()
      .where('model', '=', model)
      .where('version', '=', version)
      .executeTakeFirst();
  }

  /** Newest first. */
  async list(filter: { model?: string | undefined; limit: number }): Promise<FirmwareRow[]> {
    const { model, limit } = filter;
    return this.#db
      .selectFrom('firmware')
      .selectAll()
      .$if(model !== undefined, (q) => q.where('model', '=', model ?? ''))
      .orderBy('created_at_ms', 'desc')
      .orderBy('id')
      .limit(limit)
      .execute();
  }

  /** False when it was released already. */
  async release(id: string, envelope: Envelope, nowMs: number): Promise<boolean> {
    const result = await this.#db
      .updateTable('firmware')
      .set({ state: 'released', envelope_json: JSON.stringify(envelope), released_at_ms: nowMs })
      .where('id', '=', id)
      .where('state', '=', 'draft')
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** Towards these firmware, newest base first. */
  async deltasTowards(targets: readonly FirmwareRow[]): Promise<DeltaRow[]> {
    if (targets.length === 0) return [];
    return this.#db
      .selectFrom('deltas')
      .innerJoin('firmware as base', 'base.sha256', 'deltas.base_sha256')
      .innerJoin('firmware as target', (join) =>
        join
          .onRef('target.sha256', '=', 'deltas.target_sha256')
          .onRef('target.model', '=', 'base.model'),
      )
      .selectAll('deltas')
      .select(['target.id as firmware_id', 'base.version as base_version'])
      .where(
        'target.id',
        'in',
        targets.map((target) => target.id),
      )
      .orderBy('base.created_at_ms', 'desc')
      .execute();
  }

  /** Kind of artifact and the bytes its rows name. */
  async storedBytes(): Promise<[kind: string, bytes: number][]> {
    const firmware = await this.#db
      .selectFrom('firmware')
      .select((q) => [
        q.fn.sum<number | null>('size_bytes').as('identity'),
        q.fn
          .sum<number | null>('full_size_bytes')
          .filterWhere('full_encoding', '=', 'zstd')
          .as('zstd'),
      ])
      .executeTakeFirstOrThrow();
    const deltas = await this.#db
      .selectFrom('deltas')
      .select((q) => q.fn.sum<number | null>('size_bytes').as('delta'))
      .executeTakeFirstOrThrow();
    return Object.entries({ ...firmware, ...deltas }).map(([kind, bytes]) => [kind, Number(bytes)]);
  }
}
