import { readFileSync } from 'node:fs';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { cutoffsOf, deadlineMsOf, type Campaign } from './domain/campaign.ts';
import { excludedBatches } from './domain/excluded-batches.ts';

/** What `sql/campaign-counts.sql` answers for one phase; 64-bit numbers may come quoted. */
const rowSchema = z.object({
  phase: z.coerce.number(),
  started: z.coerce.number(),
  confirmed: z.coerce.number(),
  failed: z.coerce.number(),
  rolled_back: z.coerce.number(),
  silent: z.coerce.number(),
  first_failure_at_ms: z.coerce.number(),
  last_finish_at_ms: z.coerce.number(),
});
export type CampaignCountsRow = z.infer<typeof rowSchema>;

const query = readFileSync(new URL('../../sql/campaign-counts.sql', import.meta.url), 'utf8');

/** Parameters travel in the URL; a server that limits request heads to 16 KiB must take it. */
const MAX_EXCLUDED_URL_LENGTH = 8 * 1024;

/**
 * Asks the warehouse, in as many parts as the excluded ids need; rejects when it fails, does not answer in
 * time, or the signal fires.
 */
export async function readCampaignCounts(
  warehouse: ClickHouseClient,
  campaign: Campaign,
  window: {
    readonly nowMs: number;
    readonly excludedIds: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<CampaignCountsRow[]> {
  const byPhase = new Map<number, CampaignCountsRow>();
  for (const batch of excludedBatches(window.excludedIds, MAX_EXCLUDED_URL_LENGTH)) {
    const result = await warehouse.query({
      query,
      format: 'JSONEachRow',
      abort_signal: window.signal,
      query_params: {
        campaign: campaign.id,
        base_round: campaign.baseRound,
        round: campaign.round,
        now_ms: window.nowMs,
        cutoffs: cutoffsOf(campaign),
        deadlines: campaign.phases.map(({ phase }) => deadlineMsOf(campaign, phase)),
        after: batch.after,
        up_to: batch.upTo,
        excluded: [...batch.excludedIds],
      },
    });
    for (const row of z.array(rowSchema).parse(await result.json())) {
      const known = byPhase.get(row.phase);
      byPhase.set(row.phase, known === undefined ? row : sumOf(known, row));
    }
  }
  return [...byPhase.values()].toSorted((a, b) => a.phase - b.phase);
}

/** Two parts of one phase; no device is in both. */
function sumOf(a: CampaignCountsRow, b: CampaignCountsRow): CampaignCountsRow {
  const failures = [a.first_failure_at_ms, b.first_failure_at_ms].filter((atMs) => atMs !== 0);
  return {
    phase: a.phase,
    started: a.started + b.started,
    confirmed: a.confirmed + b.confirmed,
    failed: a.failed + b.failed,
    rolled_back: a.rolled_back + b.rolled_back,
    silent: a.silent + b.silent,
    first_failure_at_ms: failures.length === 0 ? 0 : Math.min(...failures),
    last_finish_at_ms: Math.max(a.last_finish_at_ms, b.last_finish_at_ms),
  };
}
