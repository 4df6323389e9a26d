import type { Kysely } from 'kysely';
import type { RollbackOrder } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';

export interface RollbackProgress {
  /** Devices that confirmed the version in the campaign. */
  readonly updated: number;
  /** Of these, how many still run it. */
  readonly remaining: number;
}

/** The way back of the devices that a campaign updated. */
export class RollbackStore {
  readonly #database: Kysely<Database>;
  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /** Notes once that a device was ordered back, so that its word about it finds what it answers. */
  async insertOrdered(deviceId: string, order: RollbackOrder, nowMs: number): Promise<void> {
    await this.#database
      .insertInto('update_attempts')
      .values({
        campaign_id: order.campaignId,
        device_id: deviceId,
        round: order.round,
        phase: order.phase,
        state: 'offered',
        reason: null,
        detail: null,
        from_version: order.fromVersion,
        to_version: order.fromVersion,
        transfer_bytes: 0,
        used_delta: 0,
        last_report_id: null,
        started_at_ms: nowMs,
        updated_at_ms: nowMs,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }

  async progress(campaign: {
    readonly id: string;
    readonly version: string;
  }): Promise<RollbackProgress> {
    const row = await this.#database
      .selectFrom('update_attempts')
      .innerJoin('devices', 'devices.id', 'update_attempts.device_id')
      .select((eb) => [
        eb.fn.count<number | string>('devices.id').distinct().as('updated'),
        eb.fn
          .count<number | string>('devices.id')
          .distinct()
          .filterWhere('devices.firmware_version', '=', campaign.version)
          .filterWhere('devices.lifecycle', '!=', 'retired')
          .as('remaining'),
      ])
      .where('update_attempts.campaign_id', '=', campaign.id)
      .where('update_attempts.state', '=', 'confirmed')
      .executeTakeFirstOrThrow();
    return { updated: Number(row.updated), remaining: Number(row.remaining) };
  }

  /** Devices past the point of no return that may still confirm; of those offered since then. */
  async underTrial(campaignId: string, sinceMs: number): Promise<number> {
    const row = await this.#database
      .selectFrom('update_attempts')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .where('campaign_id', '=', campaignId)
      .where('state', 'in', ['installing', 'trial'])
      .where('started_at_ms', '>', sinceMs)
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }
}
