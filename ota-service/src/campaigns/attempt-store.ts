import { sql, type Kysely, type Selectable } from 'kysely';
import { UPDATE_REASONS, type UpdateRecord, type UpdateReport } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { isPostgres, keyOf } from '../db/engine.ts';
import { campaignLock } from './campaign-store.ts';
import { applyReport } from './domain/attempt-state.ts';
import type { Offer } from './domain/offer-decision.ts';
import type { UpdateAttemptRow } from './tables.ts';

/** Device ids in one statement; SQLite takes 32,766 parameters. */
const IDS_PER_QUERY = 500;

export type Attempt = Selectable<UpdateAttemptRow>;

/** What each device did in each round of each campaign. */
export class AttemptStore {
  readonly #database: Kysely<Database>;
  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async find(campaignId: string, deviceId: string, round: number): Promise<Attempt | null> {
    const row = await this.#database
      .selectFrom('update_attempts')
      .selectAll()
      .where('campaign_id', '=', campaignId)
      .where('device_id', '=', deviceId)
      .where('round', '=', round)
      .executeTakeFirst();
    return row ?? null;
  }

  /** A device's attempts in all campaigns. */
  async ofDevice(deviceId: string): Promise<Attempt[]> {
    return this.#database
      .selectFrom('update_attempts')
      .selectAll()
      .where('device_id', '=', deviceId)
      .execute();
  }

  /**
   * Notes an offer once. The campaign's state is read by the same statement, so an offer is either
   * before a pause or it is refused: false, and nothing is written. On PostgreSQL the row lock makes
   * it read what a pause under way commits, and the name's lock lets a pause in between two offers of
   * an endless stream (row locks have no queue, PostgreSQL 15, 13.3.2).
   */
  async insertOffered(
    deviceId: string,
    offer: Offer,
    versions: { readonly from: string | null; readonly to: string },
    nowMs: number,
  ): Promise<boolean> {
    const result = await this.#database
      .insertInto('update_attempts')
      .columns([
        'campaign_id',
        'device_id',
        'round',
        'phase',
        'state',
        'from_version',
        'to_version',
        'transfer_bytes',
        'used_delta',
        'started_at_ms',
        'updated_at_ms',
      ])
      .expression((eb) =>
        eb
          .selectFrom('campaigns')
          .select((columns) => [
            'campaigns.id',
            columns.val(deviceId).as('device_id'),
            'campaigns.round',
            columns.val(offer.phase).as('phase'),
            columns.val('offered').as('state'),
            columns.val(versions.from).as('from_version'),
            columns.val(versions.to).as('to_version'),
            columns.val(0).as('transfer_bytes'),
            columns.val(0).as('used_delta'),
            columns.val(nowMs).as('started_at_ms'),
            columns.val(nowMs).as('updated_at_ms'),
          ])
          .where('campaigns.id', '=', offer.campaignId)
          .where('campaigns.status', '=', 'running')
          .where('campaigns.round', '=', offer.round)
          .$if(isPostgres(this.#database), (q) =>
            q
              .where(
                sql<boolean>`pg_advisory_xact_lock_shared(${keyOf(campaignLock(offer.campaignId))}) is not null`,
              )
              .forShare('campaigns'),
          ),
      )
      .onConflict((oc) => oc.doNothing())
      .executeTakeFirst();
    if ((result.numInsertedOrUpdatedRows ?? 0n) > 0n) return true;
    return (await this.find(offer.campaignId, deviceId, offer.round)) !== null;
  }

  /** Takes a report in; see `attempt-state.ts` for what changes. */
  async apply(attempt: Attempt, report: UpdateReport, nowMs: number): Promise<void> {
    const next = applyReport(
      {
        state: attempt.state,
        reason: attempt.reason,
        detail: attempt.detail,
        fromVersion: attempt.from_version,
        transferBytes: attempt.transfer_bytes,
        usedDelta: attempt.used_delta === 1,
      },
      report,
    );
    if (next === null) return;
    const result = await this.#database
      .updateTable('update_attempts')
      .set({
        state: next.state,
        reason: next.reason,
        detail: next.detail,
        from_version: next.fromVersion,
        transfer_bytes: next.transferBytes,
        used_delta: next.usedDelta ? 1 : 0,
        last_report_id: report.reportId,
        updated_at_ms: nowMs,
      })
      .where('campaign_id', '=', attempt.campaign_id)
      .where('device_id', '=', attempt.device_id)
      .where('round', '=', attempt.round)
      .where('state', '=', attempt.state)
      .executeTakeFirst();
    if (result.numUpdatedRows === 1n) return;
    // Another report of the device came between; judge again against what it left.
    const newer = await this.find(attempt.campaign_id, attempt.device_id, attempt.round);
    if (newer !== null) await this.apply(newer, report, nowMs);
  }

  /** Distinct devices that each campaign ever offered its version. */
  async exposedDevices(campaignIds: readonly string[]): Promise<Map<string, number>> {
    if (campaignIds.length === 0) return new Map();
    const rows = await this.#database
      .selectFrom('update_attempts')
      .select(({ fn }) => [
        'campaign_id',
        fn.count<number | string>('device_id').distinct().as('devices'),
      ])
      .where('campaign_id', 'in', [...campaignIds])
      .groupBy('campaign_id')
      .execute();
    return new Map(rows.map((row) => [row.campaign_id, Number(row.devices)]));
  }

  /** Newest first, at most `perDevice` for each device. */
  async updatesOf(
    deviceIds: readonly string[],
    perDevice: number,
  ): Promise<Map<string, UpdateRecord[]>> {
    const updates = new Map<string, UpdateRecord[]>();
    for (let from = 0; from < deviceIds.length; from += IDS_PER_QUERY) {
      const rows = await this.#newest(deviceIds.slice(from, from + IDS_PER_QUERY), perDevice);
      for (const row of rows) {
        const list = updates.get(row.device_id) ?? [];
        list.push(recordOf(row));
        updates.set(row.device_id, list);
      }
    }
    return updates;
  }

  async #newest(deviceIds: readonly string[], perDevice: number) {
    return this.#database
      .selectFrom((eb) =>
        eb
          .selectFrom('update_attempts')
          .innerJoin('campaigns', 'campaigns.id', 'update_attempts.campaign_id')
          .selectAll('update_attempts')
          .select(({ fn }) => [
            'campaigns.name as campaign_name',
            fn
              .agg<number>('row_number')
              .over((over) =>
                over
                  .partitionBy('update_attempts.device_id')
                  .orderBy('update_attempts.started_at_ms', 'desc')
                  .orderBy('update_attempts.campaign_id', 'desc')
                  .orderBy('update_attempts.round', 'desc'),
              )
              .as('newness'),
          ])
          .where('update_attempts.device_id', 'in', [...deviceIds])
          .as('numbered'),
      )
      .selectAll()
      .where('newness', '<=', perDevice)
      .orderBy('device_id')
      .orderBy('newness')
      .execute();
  }
}

function recordOf(row: Attempt & { readonly campaign_name: string }): UpdateRecord {
  return {
    campaignId: row.campaign_id,
    campaignName: row.campaign_name,
    phase: row.phase,
    round: row.round,
    state: row.state,
    reason: UPDATE_REASONS.find((reason) => reason === row.reason) ?? null,
    detail: row.detail,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    transferBytes: row.transfer_bytes,
    usedDelta: row.used_delta === 1,
    startedAt: new Date(row.started_at_ms).toISOString(),
    updatedAt: new Date(row.updated_at_ms).toISOString(),
  };
}
