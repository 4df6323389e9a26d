import type { ClickHouseClient } from '@clickhouse/client';
import type { Logger } from '@flotilla/service';
import { readCampaignCounts, type CampaignCountsRow } from './campaign-counts.ts';
import type { CensusReader } from './census-reader.ts';
import type { ControlReader } from './control-reader.ts';
import type { Campaign } from './domain/campaign.ts';
import { weighControl } from './domain/gates/control-gate.ts';
import { weighGuards } from './domain/gates/guard-gate.ts';
import {
  errorsOf,
  type Observation,
  type ObservedPhase,
  type ObservedPhases,
} from './domain/observation.ts';
import type { PhaseCensus } from './domain/phase-census.ts';
import type { GuardReader } from './guard-reader.ts';

const QUERY_TIMEOUT_MS = 10_000;

export interface ObserverDeps {
  readonly warehouse: ClickHouseClient;
  readonly census: CensusReader;
  readonly control: ControlReader;
  readonly guards: GuardReader;
  readonly logger: Logger;
}

/** Puts together what the registry expects and what the warehouse saw. */
export class CampaignObserver {
  readonly #deps: ObserverDeps;

  constructor(deps: ObserverDeps) {
    this.#deps = deps;
  }

  /** A warehouse that fails is an observation; a registry that fails is a fault and rejects. */
  async observe(
    campaign: Campaign,
    nowMs: number,
    options: { readonly fresh: boolean; readonly signal: AbortSignal },
  ): Promise<Observation> {
    const { warehouse, logger } = this.#deps;
    const census = await this.#deps.census.take(campaign, options.fresh);
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(QUERY_TIMEOUT_MS)]);
    const { excludedIds } = census;
    try {
      const counts = readCampaignCounts(warehouse, campaign, { nowMs, excludedIds, signal });
      const rows = await orAborted(counts, signal);
      const seen = observed(campaign, census, rows);
      return await orAborted(this.#compared(campaign, seen, nowMs, signal), signal);
    } catch (err) {
      logger.warn({ err, campaign: campaign.id }, 'the warehouse gave no counts');
      return { kind: 'unavailable', reason: reasonOf(err) };
    }
  }

  /** Forgets the campaigns that are over. */
  keepOnly(campaignIds: ReadonlySet<string>): void {
    this.#deps.census.keepOnly(campaignIds);
    this.#deps.control.keepOnly(campaignIds);
    this.#deps.guards.keepOnly(campaignIds);
  }

  async #compared(
    campaign: Campaign,
    seen: ObservedPhases,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<ObservedPhases> {
    const hasFailures = seen.phases.some((phase) => errorsOf(phase) > 0);
    const control = await this.#deps.control.read(campaign, nowMs, { hasFailures, signal });
    const guards = campaign.guards ?? null;
    const pairs =
      guards === null ? null : await this.#deps.guards.read(campaign, guards, nowMs, signal);
    return {
      ...seen,
      ...(control !== null && { control: weighControl(control) }),
      ...(guards !== null && pairs !== null && { guards: weighGuards(guards, pairs) }),
    };
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
    retired: census.leftOut.retired,
    hasVersion: census.leftOut.has_version,
    withheld: census.leftOut.incompatible,
    leftOut: census.leftOut,
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
    toRetry: census.toRetry[phase - 1] ?? 0,
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
