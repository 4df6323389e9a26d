import type { ClickHouseClient } from '@clickhouse/client';
import type { Kysely } from 'kysely';
import type { CampaignCountsRow } from '../../src/campaigns/campaign-counts.ts';
import type { Database } from '../../src/db/database.ts';

type Params = Readonly<Record<string, unknown>>;

/**
 * A warehouse that knows at once what the registry knows: it answers campaign-counts.sql from the
 * attempts, so that a race can go through hundreds of rounds. Nobody falls silent or crashes in it.
 */
export function registryWarehouse(database: Kysely<Database>): ClickHouseClient {
  const query = async (asked: { query: string; query_params?: Params }) => {
    const isCounts = asked.query.includes('flotilla_update_events');
    const rows = isCounts ? await counts(database, asked.query_params ?? {}) : [];
    return { json: () => Promise.resolve(rows) };
  };
  // There is nothing to forget.
  const command = () => Promise.resolve();
  return { query, command, close: command } as unknown as ClickHouseClient;
}

async function counts(database: Kysely<Database>, params: Params): Promise<CampaignCountsRow[]> {
  const attempts = await database
    .selectFrom('update_attempts')
    .selectAll()
    .where('campaign_id', '=', String(params['campaign']))
    .where('round', '<=', Number(params['round']))
    .orderBy('round')
    .execute();
  const byDevice = Map.groupBy(attempts, (attempt) => attempt.device_id);
  const newest = [...byDevice.values()].map(
    (rounds) => rounds.find(({ state }) => state === 'confirmed') ?? rounds.at(-1),
  );
  const counted = newest.filter(
    (attempt) =>
      attempt !== undefined &&
      (attempt.state === 'confirmed' || attempt.round >= Number(params['base_round'])),
  );
  const byPhase = Map.groupBy(counted, (attempt) => attempt?.phase ?? 0);
  return [...byPhase].map(([phase, of]) => {
    const having = (state: string) => of.filter((attempt) => attempt?.state === state).length;
    return {
      phase,
      started: of.filter((attempt) => attempt?.state !== 'offered').length,
      confirmed: having('confirmed'),
      failed: having('failed'),
      rolled_back: having('rolled_back'),
      silent: 0,
      first_failure_at_ms: 0,
      last_finish_at_ms: 1,
    };
  });
}
