import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Campaign } from './domain/campaign.ts';
import { fleetPages } from './fleet-pages.ts';
import { CensusTaker, type CensusAttempt, type PhaseCensus } from './domain/phase-census.ts';

/** A census may cost at most one part in this many of the time. */
const REST_FACTOR = 20;

interface Taken {
  readonly census: PhaseCensus;
  readonly round: number;
  readonly takenAtMs: number;
  readonly validUntilMs: number;
}

/**
 * Counts the devices that a campaign waits for, by walking the registry. On a small fleet that is
 * done at every evaluation; on a large one the last census is reused for as long as it deserves,
 * except where a phase would end: `fresh` asks for a new one.
 */
export class CensusReader {
  readonly #database: Kysely<Database>;
  readonly #clock: () => number;
  readonly #taken = new Map<string, Taken>();

  constructor(database: Kysely<Database>, clock: () => number) {
    this.#database = database;
    this.#clock = clock;
  }

  async take(campaign: Campaign, fresh: boolean): Promise<PhaseCensus> {
    const startedAtMs = this.#clock();
    const known = this.#taken.get(campaign.id);
    if (!fresh && known?.round === campaign.round && isValid(known, startedAtMs)) {
      return known.census;
    }
    const census = await this.#walk(campaign);
    const endedAtMs = this.#clock();
    const validUntilMs = endedAtMs + REST_FACTOR * (endedAtMs - startedAtMs);
    const { round } = campaign;
    this.#taken.set(campaign.id, { census, round, takenAtMs: endedAtMs, validUntilMs });
    return census;
  }

  /** Forgets the campaigns that are over. */
  keepOnly(campaignIds: ReadonlySet<string>): void {
    for (const id of this.#taken.keys()) if (!campaignIds.has(id)) this.#taken.delete(id);
  }

  async #walk(campaign: Campaign): Promise<PhaseCensus> {
    const taker = new CensusTaker(campaign);
    for await (const { after, last, devices } of fleetPages(this.#database, campaign)) {
      const attempts = await this.#attemptsBetween(campaign.id, after, last);
      for (const device of devices) taker.add(device, attempts.get(device.id) ?? []);
    }
    return taker.result();
  }

  async #attemptsBetween(
    campaignId: string,
    after: string,
    last: string,
  ): Promise<Map<string, CensusAttempt[]>> {
    const rows = await this.#database
      .selectFrom('update_attempts')
      .select(['device_id', 'round', 'state'])
      .where('campaign_id', '=', campaignId)
      .where('device_id', '>', after)
      .where('device_id', '<=', last)
      .execute();
    return Map.groupBy(rows, (row) => row.device_id);
  }
}

/** A clock that was set back must not keep what is old. */
function isValid({ takenAtMs, validUntilMs }: Taken, nowMs: number): boolean {
  return nowMs >= takenAtMs && nowMs < validUntilMs;
}
