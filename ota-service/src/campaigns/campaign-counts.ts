import { readFileSync } from 'node:fs';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { cutoffsOf, type Campaign } from './domain/campaign.ts';

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

/** Asks the warehouse; rejects when it fails, does not answer in time, or the signal fires. */
export async function readCampaignCounts(
  warehouse: ClickHouseClient,
  campaign: Campaign,
  window: {
    readonly nowMs: number;
    readonly excludedIds: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<CampaignCountsRow[]> {
  const result = await warehouse.query({
    query,
    format: 'JSONEachRow',
    abort_signal: window.signal,
    query_params: {
      campaign: campaign.id,
      round: campaign.round,
      now_ms: window.nowMs,
      deadline_ms: campaign.deadlineMs,
      cutoffs: cutoffsOf(campaign),
      excluded: [...window.excludedIds],
    },
  });
  return z.array(rowSchema).parse(await result.json());
}
