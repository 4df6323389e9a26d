import type { Kysely } from 'kysely';
import { expect } from 'vitest';
import {
  ACTS,
  CAMPAIGN_ACTS,
  STEPS,
  type CampaignState,
} from '../../src/campaigns/domain/campaign-machine.ts';
import type { Database } from '../../src/db/database.ts';

/** The audit log, replayed, is the campaign: one line for each step, each legal where it stands. */
export async function expectConsistent(database: Kysely<Database>, id: string): Promise<void> {
  const campaign = await database
    .selectFrom('campaigns')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const events = await database
    .selectFrom('campaign_events')
    .selectAll()
    .where('campaign_id', '=', id)
    .orderBy('seq')
    .execute();
  let status: CampaignState = 'none';
  let phase = 1;
  let round = 1;
  for (const [index, { seq, event, evidence_json: json }] of events.entries()) {
    expect(seq).toBe(index + 1);
    // A campaign may begin in several ways, and says in which.
    const begins = event === 'created' ? (JSON.parse(json ?? '{}') as { status: string }) : null;
    const act = CAMPAIGN_ACTS.find(
      (one) =>
        ACTS[one].event === event &&
        STEPS[status][one] !== undefined &&
        (begins === null || STEPS[status][one] === begins.status),
    );
    if (act === undefined) throw new Error(`${event} as number ${seq} from ${status}`);
    status = STEPS[status][act] ?? status;
    if (act === 'advance' || act === 'skip_phase') phase += 1;
    if (act === 'resume' || act === 'retry' || act === 'rollback') round += 1;
  }
  const replayed = { row_version: events.length, status, current_phase: phase, round };
  expect(campaign).toMatchObject(replayed);
  const phases = await database
    .selectFrom('campaign_phases')
    .select(['phase', 'started_at_ms'])
    .where('campaign_id', '=', id)
    .execute();
  for (const row of phases) expect(row.started_at_ms !== null).toBe(row.phase <= phase);
  const attempts = await database
    .selectFrom('update_attempts')
    .select(['phase', 'round'])
    .where('campaign_id', '=', id)
    .execute();
  for (const attempt of attempts) {
    expect(attempt.phase).toBeLessThanOrEqual(phase);
    expect(attempt.round).toBeLessThanOrEqual(round);
  }
}
