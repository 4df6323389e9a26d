import type { ClickHouseClient } from '@clickhouse/client';
import type { Logger } from '@flotilla/service';
import { readCampaignCounts, type CampaignCountsRow } from './campaign-counts.ts';
import type { CensusReader } from './census-reader.ts';
import type { Campaign } from './domain/campaign.ts';
import type { Observation, ObservedPhase, ObservedPhases } from './domain/observation.ts';
import type { PhaseCensus } from './domain/phase-census.ts';

const QUERY_TIMEOUT_MS = 10_000;

/** Puts together what the registry expects and what the warehouse saw. */
export class CampaignObserver {
  readonly #warehouse: ClickHouseClient;
  readonly #census: CensusReader;
  readonly #logger: Logger;

  constructor(warehouse: ClickHouseClient, census: CensusReader, logger: Logger) {
    this.#warehouse = warehouse;
    this.#census = census;
    this.#logger = logger;
  }

  /** A warehouse that fails is an observation; a registry that fails is a fault and rejects. */
  async observe(
    campaign: Campaign,
    nowMs: number,
    options: { readonly fresh: boolean; readonly signal: AbortSignal },
  ): Promise<Observation> {
    const census = await this.#census.take(campaign, options.fresh);
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(QUERY_TIMEOUT_MS)]);
    const { excludedIds } = census;
    try {
      const counts = readCampaignCounts(this.#warehouse, campaign, { nowMs, excludedIds, signal });
      const rows = await orAborted(counts, signal);
      return observed(campaign, census, rows);
    } catch (err) {
      this.#logger.warn({ err, campaign: campaign.id }, 'the warehouse gave no counts');
      return { kind: 'unavailable', reason: reasonOf(err) };
    }
  }
}

/** An embedded warehouse may not heed the signal, and a gate must not wait for it. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function reasonOf(err: unknown): string {
  const message = err instanceof Error ? err.message : String(err);
  return (message.split('\n')[0] ?? message).slice(0, 200);
}

function observed(
  campaign: Campaign,
  census: PhaseCensus,
  rows: readonly CampaignCountsRow[],
): ObservedPhases {
  const byPhase = new Map(rows.map((row) => [row.phase, row]));
  return {
    kind: 'observed',
    retired: census.retired,
    hasVersion: census.hasVersion,
    withheld: census.withheld,
    phases: campaign.phases.map(({ phase }) => phaseOf(phase, census, byPhase.get(phase))),
  };
}

function phaseOf(
  phase: number,
  census: PhaseCensus,
  row: CampaignCountsRow | undefined,
): ObservedPhase {
  return {
    phase,
    devices: census.devices[phase - 1] ?? 0,
    inMaintenance: census.inMaintenance[phase - 1] ?? 0,
    started: row?.started ?? 0,
    confirmed: row?.confirmed ?? 0,
    failed: row?.failed ?? 0,
    rolledBack: row?.rolled_back ?? 0,
    silent: row?.silent ?? 0,
    firstFailureAtMs:
      row === undefined || row.first_failure_at_ms === 0 ? null : row.first_failure_at_ms,
    lastFinishAtMs: row === undefined || row.last_finish_at_ms === 0 ? null : row.last_finish_at_ms,
  };
}
