import { createClient } from '@clickhouse/client';
import { readCampaignCounts } from '@flotilla/ota-service/src/campaigns/campaign-counts.ts';
import type { Campaign } from '@flotilla/ota-service/src/campaigns/domain/campaign.ts';

const REPEATS = 5;

export interface EvaluationFigures {
  /** Wall time of the campaign's question, each repeat. */
  readonly queryMs: readonly number[];
  readonly devices: number;
  /** As the answer counted. */
  readonly confirmed: number;
}

/** A million outcomes of one campaign in the warehouse's own tables, and the gate's question about them. */
export async function measureEvaluation(
  warehouseUrl: string,
  campaign: Campaign,
  devices: number,
): Promise<EvaluationFigures> {
  const warehouse = createClient({ url: warehouseUrl, request_timeout: 25_000 });
  try {
    // Each device: the offer that ota-service noted, and its confirmation.
    for (const [state, outcome, minute] of [
      ['offered', '', 10],
      ['confirmed', 'confirmed', 5],
    ] as const) {
      await warehouse.command({
        query: `INSERT INTO flotilla_update_reports
          (CampaignId, DeviceId, ReportId, FromOta, Phase, Round, State, Outcome, OccurredAt, IngestedAt)
          SELECT {campaign:String}, concat('dev-', leftPad(toString(number), 7, '0')),
            toString(generateUUIDv4(number)), 1, 1, 1, {state:String}, {outcome:String},
            now64(9) - INTERVAL {minute:UInt8} MINUTE, now()
          FROM numbers({devices:UInt64})`,
        query_params: { campaign: campaign.id, state, outcome, minute, devices },
      });
    }
    const queryMs: number[] = [];
    let confirmed = 0;
    for (let i = 0; i < REPEATS; i += 1) {
      const startedAt = performance.now();
      const window = { nowMs: Date.now(), excludedIds: [], signal: AbortSignal.timeout(300_000) };
      const rows = await readCampaignCounts(warehouse, campaign, window);
      queryMs.push(performance.now() - startedAt);
      confirmed = rows.reduce((sum, row) => sum + row.confirmed, 0);
    }
    if (confirmed !== devices) throw new Error(`${confirmed} of ${devices} were counted`);
    return { queryMs, devices, confirmed };
  } finally {
    await warehouse.close();
  }
}
