import type { Kysely, Transaction } from 'kysely';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { Campaign } from './domain/campaign.ts';

/** So much of a minute's offers may go out at once. */
const BURST_MS = 1000;
/** An offer follows its permit within moments; one that has not got lost on the way. */
const PERMIT_MS = 60_000;
/** How long a refusal is remembered here where nothing says when a download ends. */
const RECHECK_MS = 1000;

const MINUTE_MS = 60_000;

type Paced = Pick<Campaign, 'id' | 'round' | 'deadlineMs' | 'phases' | 'rules'>;

/**
 * Leave to make a first offer, under a campaign's rate limit. It stands in the registry, so all replicas
 * share it and none starts with a burst. Offers per minute follow the generic cell rate algorithm
 * (ITU-T I.371, annex A): the time at which the next cell conforms is all that is kept.
 */
export class OfferPacer {
  readonly #database: Kysely<Database>;
  /** By campaign; before then there is none to be had, so the registry need not be asked. */
  readonly #fullUntilMs = new Map<string, number>();

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /** A repeat for the same device and round costs nothing. */
  async admits(campaign: Paced, deviceId: string, nowMs: number): Promise<boolean> {
    if (campaign.rules.rateLimit === null) return true;
    const fullUntilMs = this.#fullUntilMs.get(campaign.id) ?? -Infinity;
    // A clock that was set back must not keep devices waiting.
    if (nowMs < fullUntilMs && fullUntilMs - nowMs <= MINUTE_MS) return false;
    this.#fullUntilMs.delete(campaign.id);
    return this.#database.transaction().execute(async (trx) => {
      await lockName(trx, `pace/${campaign.id}`);
      if (await hasPermit(trx, campaign, deviceId)) return true;
      if (!(await this.#hasRoom(trx, campaign, nowMs))) return false;
      if (!(await this.#isTime(trx, campaign, nowMs))) return false;
      await trx
        .insertInto('offer_permits')
        .values({
          campaign_id: campaign.id,
          device_id: deviceId,
          round: campaign.round,
          granted_at_ms: nowMs,
        })
        .execute();
      return true;
    });
  }

  async #hasRoom(trx: Transaction<Database>, campaign: Paced, nowMs: number): Promise<boolean> {
    const limit = campaign.rules.rateLimit?.concurrentDownloads;
    if (limit === undefined) return true;
    const downloading = await downloadsUnderWay(trx, campaign, nowMs);
    if (downloading < limit) return true;
    this.#fullUntilMs.set(campaign.id, nowMs + RECHECK_MS);
    return false;
  }

  async #isTime(trx: Transaction<Database>, campaign: Paced, nowMs: number): Promise<boolean> {
    const perMinute = campaign.rules.rateLimit?.devicesPerMinute;
    if (perMinute === undefined) return true;
    const row = await trx
      .selectFrom('campaign_paces')
      .select('next_at_ms')
      .where('campaign_id', '=', campaign.id)
      .executeTakeFirst();
    const dueAtMs = Math.max(row?.next_at_ms ?? nowMs, nowMs);
    if (dueAtMs - nowMs >= BURST_MS) {
      this.#fullUntilMs.set(campaign.id, dueAtMs - BURST_MS);
      return false;
    }
    const next = { next_at_ms: dueAtMs + MINUTE_MS / perMinute };
    await trx
      .insertInto('campaign_paces')
      .values({ campaign_id: campaign.id, ...next })
      .onConflict((conflict) => conflict.column('campaign_id').doUpdateSet(next))
      .execute();
    return true;
  }
}

async function hasPermit(
  trx: Transaction<Database>,
  campaign: Paced,
  deviceId: string,
): Promise<boolean> {
  const row = await trx
    .selectFrom('offer_permits')
    .select('round')
    .where('campaign_id', '=', campaign.id)
    .where('device_id', '=', deviceId)
    .where('round', '=', campaign.round)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Devices with an offer that they have not fetched, within their deadline, and offers on their way. In one
 * statement, for an offer that arrives between two would be missed by both.
 */
async function downloadsUnderWay(
  trx: Transaction<Database>,
  campaign: Paced,
  nowMs: number,
): Promise<number> {
  const deadlines = campaign.phases.map(({ deadlineMs }) => deadlineMs ?? campaign.deadlineMs);
  const sinceMs = nowMs - Math.max(campaign.deadlineMs, ...deadlines);
  const { offered, permitted } = await trx
    .selectNoFrom((eb) => [
      eb
        .selectFrom('update_attempts')
        .select(({ fn }) => fn.countAll<number | string>().as('count'))
        .where('campaign_id', '=', campaign.id)
        .where('state', 'in', ['offered', 'downloading'])
        .where('started_at_ms', '>', sinceMs)
        .as('offered'),
      eb
        .selectFrom('offer_permits')
        .leftJoin('update_attempts', (join) =>
          join
            .onRef('update_attempts.campaign_id', '=', 'offer_permits.campaign_id')
            .onRef('update_attempts.device_id', '=', 'offer_permits.device_id')
            .onRef('update_attempts.round', '=', 'offer_permits.round'),
        )
        .select(({ fn }) => fn.countAll<number | string>().as('count'))
        .where('offer_permits.campaign_id', '=', campaign.id)
        .where('offer_permits.granted_at_ms', '>', nowMs - PERMIT_MS)
        .where('update_attempts.device_id', 'is', null)
        .as('permitted'),
    ])
    .executeTakeFirstOrThrow();
  return Number(offered) + Number(permitted);
}
