import type { Insertable, Kysely, Selectable, Transaction, Updateable } from 'kysely';
import type { CampaignEvent, CampaignStatus } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import { campaignOf, eventOf, type StoredCampaign, type StoredVerdict } from './campaign-rows.ts';
import type { ObservedPhases } from './domain/observation.ts';
import type { CampaignPhaseRow, CampaignRow } from './tables.ts';

/** A step in a campaign's life and the line it leaves in the audit log. */
export interface Transition {
  readonly event: CampaignEvent['event'];
  readonly actor: string;
  readonly reason: string;
  readonly evidence: Readonly<Record<string, unknown>> | null;
  readonly set: Updateable<CampaignRow>;
  /** The phase that starts with this step. */
  readonly startsPhase?: number;
  /** Nobody waits for the devices of this phase any more. */
  readonly skipsPhase?: number;
  /** A new round: what had settled has not any more. */
  readonly unsettles?: boolean;
  /** Only when no verdict was kept since the campaign was read: it may have seen more. */
  readonly needsNewestVerdict?: boolean;
}

/** Campaigns in the registry. Every change is one transaction, guarded by the row version. */
export class CampaignStore {
  readonly #database: Kysely<Database>;
  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /**
   * Writes campaign, phases and the first event; `check` runs inside the transaction, refuses by
   * throwing, and sees every other campaign of the firmware that there is.
   */
  async insert(
    campaign: Insertable<CampaignRow>,
    phases: readonly Insertable<CampaignPhaseRow>[],
    event: { readonly actor: string; readonly reason: string; readonly evidence: unknown },
    check: (trx: Transaction<Database>) => Promise<void>,
  ): Promise<void> {
    await this.#database.transaction().execute(async (trx) => {
      await lockName(trx, `campaigns of ${campaign.firmware_id}`);
      await trx.insertInto('campaigns').values(campaign).execute();
      await check(trx);
      await trx
        .insertInto('campaign_phases')
        .values([...phases])
        .execute();
      await trx
        .insertInto('campaign_events')
        .values({
          campaign_id: campaign.id,
          seq: campaign.row_version,
          at_ms: campaign.created_at_ms,
          event: 'created',
          actor: event.actor,
          reason: event.reason,
          evidence_json: JSON.stringify(event.evidence),
        })
        .execute();
    });
  }

  async find(id: string): Promise<StoredCampaign | null> {
    const row = await this.#database
      .selectFrom('campaigns')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) return null;
    const [campaign] = await this.#withPhases([row]);
    return campaign ?? null;
  }

  /** Newest first; all when no status is given. */
  async list(filter: {
    readonly statuses?: readonly CampaignStatus[];
    readonly model?: string;
  }): Promise<StoredCampaign[]> {
    const { statuses, model } = filter;
    const rows = await this.#database
      .selectFrom('campaigns')
      .selectAll()
      .$if(statuses !== undefined, (q) => q.where('status', 'in', [...(statuses ?? [])]))
      .$if(model !== undefined, (q) => q.where('model', '=', model ?? ''))
      .orderBy('created_at_ms', 'desc')
      .orderBy('id', 'desc')
      .execute();
    return this.#withPhases(rows);
  }

  async #withPhases(rows: readonly Selectable<CampaignRow>[]): Promise<StoredCampaign[]> {
    if (rows.length === 0) return [];
    const phases = await this.#database
      .selectFrom('campaign_phases')
      .selectAll()
      .where(
        'campaign_id',
        'in',
        rows.map((row) => row.id),
      )
      .orderBy('phase')
      .execute();
    const byCampaign = Map.groupBy(phases, (phase) => phase.campaign_id);
    return rows.map((row) => campaignOf(row, byCampaign.get(row.id) ?? []));
  }

  /** False when somebody else changed the campaign since it was read; then nothing is written. */
  async transition(
    campaign: StoredCampaign,
    transition: Transition,
    nowMs: number,
  ): Promise<boolean> {
    const { startsPhase, skipsPhase } = transition;
    return this.#database.transaction().execute(async (trx) => {
      const next = campaign.rowVersion + 1;
      const set = { ...transition.set, row_version: next, updated_at_ms: nowMs };
      const changed = await updateGuarded(trx, campaign, set, transition.needsNewestVerdict);
      if (!changed) return false;
      await trx
        .insertInto('campaign_events')
        .values({
          campaign_id: campaign.id,
          seq: next,
          at_ms: nowMs,
          event: transition.event,
          actor: transition.actor,
          reason: transition.reason,
          evidence_json: transition.evidence === null ? null : JSON.stringify(transition.evidence),
        })
        .execute();
      const phases = trx.updateTable('campaign_phases').where('campaign_id', '=', campaign.id);
      if (transition.unsettles === true) await phases.set({ settled_at_ms: null }).execute();
      if (skipsPhase !== undefined) {
        await phases.where('phase', '=', skipsPhase).set({ skipped_at_ms: nowMs }).execute();
      }
      if (startsPhase !== undefined) {
        const started = { started_at_ms: nowMs, settled_at_ms: null };
        await phases.where('phase', '=', startsPhase).set(started).execute();
      }
      return true;
    });
  }

  /**
   * Keeps the newest answer of a gate that holds; no step, so no event and the same row version. False
   * when another gate's came in between, or a step.
   */
  async keepVerdict(
    campaign: StoredCampaign,
    verdict: StoredVerdict | null,
    observation: ObservedPhases | null,
    settledAtMs: number | null,
  ): Promise<boolean> {
    return this.#database.transaction().execute(async (trx) => {
      const set = { ...verdictColumns(verdict), ...observationColumn(observation) };
      if (Object.keys(set).length === 0) return true;
      if (!(await updateGuarded(trx, campaign, set, verdict !== null))) return false;
      const known = campaign.phases[campaign.currentPhase - 1]?.settledAtMs ?? null;
      if (verdict !== null && known !== settledAtMs) {
        await trx
          .updateTable('campaign_phases')
          .where('campaign_id', '=', campaign.id)
          .where('phase', '=', campaign.currentPhase)
          .set({ settled_at_ms: settledAtMs })
          .execute();
      }
      return true;
    });
  }

  /** Oldest first. */
  async events(campaignId: string): Promise<CampaignEvent[]> {
    const rows = await this.#database
      .selectFrom('campaign_events')
      .selectAll()
      .where('campaign_id', '=', campaignId)
      .orderBy('seq')
      .execute();
    return rows.map(eventOf);
  }
}

/** Held alone by whoever changes the campaign, and together by the offers under way. */
export function campaignLock(campaignId: string): string {
  return `campaign/${campaignId}`;
}

async function updateGuarded(
  trx: Transaction<Database>,
  campaign: StoredCampaign,
  set: Updateable<CampaignRow>,
  needsNewestVerdict = false,
): Promise<boolean> {
  const verdictAtMs = campaign.verdict?.atMs ?? null;
  await lockName(trx, campaignLock(campaign.id));
  const result = await trx
    .updateTable('campaigns')
    .set(set)
    .where('id', '=', campaign.id)
    .where('row_version', '=', campaign.rowVersion)
    .$if(needsNewestVerdict, (q) =>
      q.where('verdict_at_ms', verdictAtMs === null ? 'is' : '=', verdictAtMs),
    )
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export function verdictColumns(verdict: StoredVerdict | null): Updateable<CampaignRow> {
  if (verdict === null) return {};
  return {
    verdict_kind: verdict.kind,
    verdict_code: verdict.code,
    verdict_words: verdict.words,
    verdict_at_ms: verdict.atMs,
  };
}

export function observationColumn(observation: ObservedPhases | null): Updateable<CampaignRow> {
  return observation === null ? {} : { observation_json: JSON.stringify(observation) };
}
