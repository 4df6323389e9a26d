import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import { includesGroup, type Campaign } from './domain/campaign.ts';
import { deviceRank } from './domain/campaign-plan.ts';
import type { ControlPool } from './domain/guard-pairs.ts';
import { modelPages, type ModelDevice } from './model-pages.ts';

/** Ids in one statement; SQLite takes 32,766 parameters. */
const IDS_PER_QUERY = 500;
/** Candidates kept of a group: enough for a whole sample, with some that turn out unfit. */
const POOL_DEVICES = 400;

interface Ranked {
  readonly id: string;
  readonly rank: string;
}

/**
 * Devices to compare updated ones with: of each group those with the highest ranks, which the campaign
 * comes to last. The fleet is walked once per campaign, since a rank never changes.
 */
export class GuardControls {
  readonly #database: Kysely<Database>;
  readonly #pools = new Map<string, ReadonlyMap<string, readonly Ranked[]>>();

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  /** What `deviceIds` may be compared with, as of now. */
  async of(campaign: Campaign, deviceIds: readonly string[]): Promise<ControlPool> {
    const ranked = this.#pools.get(campaign.id) ?? (await this.#walk(campaign));
    this.#pools.set(campaign.id, ranked);
    const groupOf = await this.#groupsOf(deviceIds);
    const groups = [...new Set(groupOf.values())];
    const ids = groups.flatMap((group) => (ranked.get(group) ?? []).map(({ id }) => id));
    const offers = await this.#offersTo(campaign.id, ids);
    const byGroup = new Map(
      groups.map((group) => [
        group,
        (ranked.get(group) ?? []).map(({ id }) => ({ id, offeredAtMs: offers.get(id) ?? null })),
      ]),
    );
    return { groupOf, byGroup };
  }

  keepOnly(campaignIds: ReadonlySet<string>): void {
    for (const id of this.#pools.keys()) if (!campaignIds.has(id)) this.#pools.delete(id);
  }

  async #walk(campaign: Campaign): Promise<Map<string, Ranked[]>> {
    const byGroup = new Map<string, Ranked[]>();
    for await (const { devices } of modelPages(this.#database, campaign.model)) {
      for (const device of devices) {
        if (!mayServe(campaign, device)) continue;
        const { id, group } = device;
        const ranked = byGroup.get(group) ?? [];
        ranked.push({ id, rank: deviceRank(campaign.id, id) });
        byGroup.set(group, ranked.length > 2 * POOL_DEVICES ? highest(ranked) : ranked);
      }
    }
    for (const [group, ranked] of byGroup) byGroup.set(group, highest(ranked));
    return byGroup;
  }

  async #groupsOf(deviceIds: readonly string[]): Promise<Map<string, string>> {
    const groups = new Map<string, string>();
    for (let from = 0; from < deviceIds.length; from += IDS_PER_QUERY) {
      const rows = await this.#database
        .selectFrom('devices')
        .select(['id', 'group_name as group'])
        .where('id', 'in', deviceIds.slice(from, from + IDS_PER_QUERY))
        .execute();
      for (const { id, group } of rows) groups.set(id, group);
    }
    return groups;
  }

  async #offersTo(campaignId: string, deviceIds: readonly string[]): Promise<Map<string, number>> {
    const offers = new Map<string, number>();
    for (let from = 0; from < deviceIds.length; from += IDS_PER_QUERY) {
      const rows = await this.#database
        .selectFrom('update_attempts')
        .select(({ fn }) => ['device_id', fn.min<number | string>('started_at_ms').as('at_ms')])
        .where('campaign_id', '=', campaignId)
        .where('device_id', 'in', deviceIds.slice(from, from + IDS_PER_QUERY))
        .groupBy('device_id')
        .execute();
      for (const row of rows) offers.set(row.device_id, Number(row.at_ms));
    }
    return offers;
  }
}

/** Whether updated devices may be compared with it, as far as the registry's row tells. */
function mayServe(campaign: Campaign, device: ModelDevice): boolean {
  return (
    device.lifecycle === 'active' &&
    device.firmwareVersion !== campaign.version &&
    includesGroup(campaign.groups, device.group)
  );
}

function highest(ranked: readonly Ranked[]): Ranked[] {
  return ranked
    .toSorted((a, b) => (a.rank > b.rank ? -1 : a.rank < b.rank ? 1 : 0))
    .slice(0, POOL_DEVICES);
}
