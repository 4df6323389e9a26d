import type { Kysely } from 'kysely';
import type { Labels } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { LabelStore } from '../devices/label-store.ts';
import type { Campaign } from './domain/campaign.ts';
import { needsLabels } from './domain/campaign-target.ts';
import type { CensusDevice } from './domain/phase-census.ts';
import { modelPages } from './model-pages.ts';

export interface FleetDevice extends CensusDevice {
  readonly labels: Labels;
  readonly isListed: boolean;
  readonly rolledBackBefore: boolean;
  readonly hardwareRevision: string | null;
}

/** Devices whose ids sort behind `after`, up to `last`. */
export interface FleetPage {
  readonly after: string;
  readonly last: string;
  readonly devices: readonly FleetDevice[];
}

type Asking = Pick<Campaign, 'id' | 'model' | 'version' | 'groups' | 'rules'>;

/**
 * The devices of a campaign's model by id, with what its rules ask of them, in pages: so a large fleet is
 * never held in memory and requests go in between. `list` stands in for one that is not stored yet;
 * with `withLabels` the labels come also where the rules do not ask for them.
 */
export async function* fleetPages(
  database: Kysely<Database>,
  campaign: Asking,
  {
    list = null,
    withLabels = needsLabels(campaign),
  }: { readonly list?: ReadonlySet<string> | null; readonly withLabels?: boolean } = {},
): AsyncGenerator<FleetPage> {
  const labels = withLabels ? new LabelStore(database) : null;
  for await (const { after, last, devices: rows } of modelPages(database, campaign.model)) {
    const labelsOf = await labels?.between(after, last);
    const listed = list ?? (await membersBetween(database, campaign, after, last));
    const rolledBack = await rolledBackBetween(database, campaign, after, last);
    const devices = rows.map((row) => ({
      ...row,
      labels: labelsOf?.get(row.id) ?? {},
      isListed: listed.has(row.id),
      rolledBackBefore: rolledBack.has(row.id),
    }));
    yield { after, last, devices };
  }
}

async function membersBetween(
  database: Kysely<Database>,
  { id, rules }: Asking,
  after: string,
  last: string,
): Promise<ReadonlySet<string>> {
  if (rules.list === 'none') return new Set();
  const rows = await database
    .selectFrom('campaign_members')
    .select('device_id')
    .where('campaign_id', '=', id)
    .where('device_id', '>', after)
    .where('device_id', '<=', last)
    .execute();
  return new Set(rows.map((row) => row.device_id));
}

/** In another campaign than this. */
async function rolledBackBetween(
  database: Kysely<Database>,
  { id, version, rules }: Asking,
  after: string,
  last: string,
): Promise<ReadonlySet<string>> {
  if (rules.includeRolledBack) return new Set();
  const rows = await database
    .selectFrom('update_attempts')
    .select('device_id')
    .distinct()
    .where('device_id', '>', after)
    .where('device_id', '<=', last)
    .where('to_version', '=', version)
    .where('state', '=', 'rolled_back')
    .where('campaign_id', '!=', id)
    .execute();
  return new Set(rows.map((row) => row.device_id));
}
