import type { Kysely, Selectable, Transaction } from 'kysely';
import type { FirmwareFormat, ModelPut } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import { decideFloor, type FloorDecision, type ModelRules } from './domain/model-rules.ts';
import { stringList } from './string-list.ts';
import type { ModelTable } from './tables.ts';

export type ModelRow = Selectable<ModelTable>;

/** Rows of models. */
export class ModelStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async byName(name: string): Promise<ModelRow | undefined> {
    return this.#db.selectFrom('models').selectAll().where('name', '=', name).executeTakeFirst();
  }

  /** By name, ascending. */
  async list(): Promise<ModelRow[]> {
    return this.#db.selectFrom('models').selectAll().orderBy('name').execute();
  }

  /** `format_fixed` when the model has firmware of another format; then nothing is written. */
  async put(
    name: string,
    model: ModelPut,
    nowMs: number,
  ): Promise<'created' | 'changed' | 'format_fixed'> {
    return this.#db.transaction().execute(async (trx) => {
      await lockModel(trx, name);
      const existing = await findModel(trx, name);
      const set = {
        description: model.description,
        format: model.format,
        hardware_revisions_json: JSON.stringify(model.hardwareRevisions),
        updated_at_ms: nowMs,
      };
      if (existing === undefined) {
        const row = { name, ...set, floor_version: null, created_at_ms: nowMs };
        await trx.insertInto('models').values(row).execute();
        return 'created';
      }
      if (existing.format !== model.format && (await hasFirmware(trx, name))) return 'format_fixed';
      await trx.updateTable('models').set(set).where('name', '=', name).execute();
      return 'changed';
    });
  }

  /** Undefined when there is no such model. */
  async raiseFloor(
    name: string,
    version: string,
    nowMs: number,
  ): Promise<{ decision: FloorDecision; floorVersion: string | null } | undefined> {
    return this.#db.transaction().execute(async (trx) => {
      await lockModel(trx, name);
      const model = await findModel(trx, name);
      if (model === undefined) return undefined;
      const decision = decideFloor(model.floor_version, version);
      if (decision === 'raise') {
        const set = { floor_version: version, updated_at_ms: nowMs };
        await trx.updateTable('models').set(set).where('name', '=', name).execute();
      }
      return { decision, floorVersion: model.floor_version };
    });
  }
}

/**
 * A model's rules, its firmware and its channels follow from one another, so whoever changes one after
 * reading another has the model to itself.
 */
export async function lockModel(trx: Transaction<Database>, name: string): Promise<void> {
  await lockName(trx, `model/${name}`);
}

/** The model's row; a model nobody declared comes to be with the format of its first upload. */
export async function ensureModel(
  trx: Transaction<Database>,
  name: string,
  format: FirmwareFormat,
  nowMs: number,
): Promise<ModelRow> {
  const row: ModelRow = {
    name,
    description: '',
    format,
    hardware_revisions_json: '[]',
    floor_version: null,
    created_at_ms: nowMs,
    updated_at_ms: nowMs,
  };
  await trx
    .insertInto('models')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  return (await findModel(trx, name)) ?? row;
}

export function rulesOf(model: ModelRow): ModelRules {
  return {
    format: model.format,
    hardwareRevisions: stringList(model.hardware_revisions_json),
    floorVersion: model.floor_version,
  };
}

async function findModel(db: Kysely<Database>, name: string): Promise<ModelRow | undefined> {
  return db.selectFrom('models').selectAll().where('name', '=', name).executeTakeFirst();
}

async function hasFirmware(db: Kysely<Database>, model: string): Promise<boolean> {
  const row = await db
    .selectFrom('firmware')
    .select('id')
    .where('model', '=', model)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
