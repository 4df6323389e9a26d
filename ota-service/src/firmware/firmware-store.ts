import type { Kysely, Selectable, Transaction } from 'kysely';
import type { FieldError } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { emptyChannels } from './channel-store.ts';
import { brokenRules } from './domain/model-rules.ts';
import { ensureModel, lockModel, rulesOf } from './model-store.ts';
import { stringList } from './string-list.ts';
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

  /** The model's rules that the draft breaks; none means that it was written. `taken`: the version is. */
  async insertDraft(row: FirmwareRow): Promise<FieldError[] | 'taken'> {
    return this.#db.transaction().execute(async (trx) => {
      await lockModel(trx, row.model);
      const model = await ensureModel(trx, row.model, row.format, row.created_at_ms);
      const broken = brokenRules(rulesOf(model), {
        version: row.version,
        format: row.format,
        minimumVersion: row.minimum_version,
        hardwareRevisions: stringList(row.hardware_revisions_json),
      });
      if (broken.length > 0) return broken;
      const result = await trx
        .insertInto('firmware')
        .values(row)
        .onConflict((conflict) => conflict.columns(['model', 'version']).doNothing())
        .executeTakeFirst();
      return result.numInsertedOrUpdatedRows === 1n ? [] : 'taken';
    });
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
  async release(id: string, nowMs: number): Promise<boolean> {
    const result = await this.#db
      .updateTable('firmware')
      .set({ state: 'released', released_at_ms: nowMs })
      .where('id', '=', id)
      .where('state', '=', 'draft')
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  /** False when it is not released (any more). Channels that point at it are emptied with it. */
  async withdraw(id: string, reason: string, nowMs: number): Promise<boolean> {
    return this.#withModelOf(id, (trx) => withdrawWithin(trx, id, reason, nowMs));
  }

  /** False when it is no draft. Its bytes are left to garbage collection. */
  async deleteDraft(id: string): Promise<boolean> {
    return this.#withModelOf(id, async (trx) => {
      const result = await trx
        .deleteFrom('firmware')
        .where('id', '=', id)
        .where('state', '=', 'draft')
        .executeTakeFirst();
      return result.numDeletedRows === 1n;
    });
  }

  /** False when there is no such firmware. */
  async #withModelOf(
    id: string,
    work: (trx: Transaction<Database>) => Promise<boolean>,
  ): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const row = await new FirmwareStore(trx).byId(id);
      if (row === undefined) return false;
      await lockModel(trx, row.model);
      return work(trx);
    });
  }

  async setReleaseNotes(id: string, releaseNotes: string): Promise<void> {
    await this.#db
      .updateTable('firmware')
      .set({ release_notes: releaseNotes })
      .where('id', '=', id)
      .execute();
  }

  /** Names of the channels that point at each of these, by firmware id. */
  async channelsAt(firmware: readonly FirmwareRow[]): Promise<Map<string, string[]>> {
    if (firmware.length === 0) return new Map();
    const rows = await this.#db
      .selectFrom('channels')
      .select(['firmware_id', 'channel'])
      .where(
        'firmware_id',
        'in',
        firmware.map((row) => row.id),
      )
      .orderBy('channel')
      .execute();
    const groups = Map.groupBy(rows, (row) => row.firmware_id ?? '');
    return new Map([...groups].map(([id, of]) => [id, of.map(({ channel }) => channel)]));
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

/** As FirmwareStore.withdraw, within a transaction that has locked the model. */
export async function withdrawWithin(
  trx: Transaction<Database>,
  id: string,
  reason: string,
  nowMs: number,
): Promise<boolean> {
  const result = await trx
    .updateTable('firmware')
    .set({ state: 'withdrawn', withdrawn_at_ms: nowMs, withdrawal_reason: reason })
    .where('id', '=', id)
    .where('state', '=', 'released')
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) return false;
  await emptyChannels(trx, id, { actor: 'registry', reason: `withdrawn: ${reason}` }, nowMs);
  return true;
}
