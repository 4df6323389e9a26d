import { sql, type Kysely } from 'kysely';
import type { LifecycleState } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import type { DeviceLabels } from './breach-gauges.ts';

export interface DeviceGroupCount {
  readonly model: string;
  readonly group: string;
  readonly lifecycle: LifecycleState;
  readonly version: string;
  readonly devices: number;
}

export interface SilentCount {
  readonly group: string;
  /** Active devices. */
  readonly devices: number;
  /** Those of them that have not polled for so long, or never. */
  readonly silent: number;
}

/** SQLite takes 32,766 parameters in a statement. */
const IDS_PER_QUERY = 5000;

/** What the registry knows of the fleet as a whole. */
export class RegistryFleet {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async counts(): Promise<DeviceGroupCount[]> {
    const rows = await this.#db
      .selectFrom('devices')
      .select([
        'model',
        'group_name',
        'lifecycle',
        'firmware_version',
        (q) => q.fn.countAll<number | string>().as('count'),
      ])
      .groupBy(['model', 'group_name', 'lifecycle', 'firmware_version'])
      .execute();
    return rows.map((row) => ({
      model: row.model,
      group: row.group_name,
      lifecycle: row.lifecycle,
      version: row.firmware_version ?? '',
      devices: Number(row.count),
    }));
  }

  /** `since` in milliseconds since the epoch. */
  async silentSince(since: number): Promise<SilentCount[]> {
    const rows = await this.#db
      .selectFrom('devices')
      .select([
        'group_name',
        (q) => q.fn.countAll<number | string>().as('count'),
        sql<number | string>`sum(case when last_seen_at_ms >= ${since} then 0 else 1 end)`.as(
          'silent',
        ),
      ])
      .where('lifecycle', '=', 'active')
      .groupBy('group_name')
      .execute();
    return rows.map((row) => ({
      group: row.group_name,
      devices: Number(row.count),
      silent: Number(row.silent),
    }));
  }

  /** Of the active ones among the devices. */
  async labelsOf(deviceIds: readonly string[]): Promise<Map<string, DeviceLabels>> {
    const labels = new Map<string, DeviceLabels>();
    for (let from = 0; from < deviceIds.length; from += IDS_PER_QUERY) {
      const rows = await this.#db
        .selectFrom('devices')
        .select(['id', 'model', 'group_name'])
        .where('id', 'in', deviceIds.slice(from, from + IDS_PER_QUERY))
        .where('lifecycle', '=', 'active')
        .execute();
      for (const { id, model, group_name: group } of rows) labels.set(id, { model, group });
    }
    return labels;
  }
}
