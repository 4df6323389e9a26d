import type { Kysely } from 'kysely';
import type { Labels } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';

/** Which labels a device has. */
export class LabelStore {
  readonly #database: Kysely<Database>;
  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /** None of a device that is not there. */
  async of(deviceId: string): Promise<Labels> {
    const rows = await this.#database
      .selectFrom('device_labels')
      .selectAll()
      .where('device_id', '=', deviceId)
      .orderBy('key')
      .execute();
    return labelsOf(rows);
  }

  async isDevice(deviceId: string): Promise<boolean> {
    return isDevice(this.#database, deviceId);
  }

  /** Of the devices whose id sorts behind `after` and not behind `last`; one without is absent. */
  async between(after: string, last: string): Promise<ReadonlyMap<string, Labels>> {
    const rows = await this.#database
      .selectFrom('device_labels')
      .selectAll()
      .where('device_id', '>', after)
      .where('device_id', '<=', last)
      .execute();
    const byDevice = Map.groupBy(rows, (row) => row.device_id);
    return new Map([...byDevice].map(([id, of]) => [id, labelsOf(of)]));
  }

  /** Replaces all of them. False when there is no such device; then nothing is written. */
  async put(deviceId: string, labels: Labels): Promise<boolean> {
    return this.#database.transaction().execute(async (trx) => {
      if (!(await isDevice(trx, deviceId))) return false;
      await trx.deleteFrom('device_labels').where('device_id', '=', deviceId).execute();
      const rows = Object.entries(labels).map(([key, value]) => ({
        device_id: deviceId,
        key,
        value,
      }));
      if (rows.length > 0) {
        await trx
          .insertInto('device_labels')
          .values(rows)
          // Two replicas that replace at once: the later one's value stays.
          .onConflict((conflict) =>
            conflict
              .columns(['device_id', 'key'])
              .doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
          )
          .execute();
      }
      return true;
    });
  }
}

async function isDevice(database: Kysely<Database>, deviceId: string): Promise<boolean> {
  const device = await database
    .selectFrom('devices')
    .select('id')
    .where('id', '=', deviceId)
    .executeTakeFirst();
  return device !== undefined;
}

function labelsOf(rows: readonly { readonly key: string; readonly value: string }[]): Labels {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}
