import type { ClickHouseClient } from '@clickhouse/client';
import { isFinal, UPDATE_STATES, type UpdateState } from '@flotilla/contracts';
import type { EventLog } from '@flotilla/event-log';
import type { CampaignCountsRow } from '../../../src/campaigns/campaign-counts.ts';
import { deviceRank, phaseOfRank } from '../../../src/campaigns/domain/campaign-plan.ts';
import { readLogsRequest } from '../otlp-log-reader.ts';

interface Told {
  readonly deviceId: string;
  readonly campaignId: string;
  readonly round: number;
  readonly state: UpdateState;
  readonly atMs: number;
}

/** The process dies around an append: nothing after it happens. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/**
 * A log that never forgets, and a warehouse over what it holds, which says of a campaign what
 * campaign-counts.sql would. It knows nothing of the registry, so the two can be held against each other.
 */
export class LogWarehouse {
  readonly told: Told[] = [];
  isDown = false;
  /** The next append ends in a crash, before or after its records are there. */
  crash: 'before' | 'after' | null = null;
  readonly #ids = new Set<string>();

  readonly eventLog = {
    append: (_topic: string, records: readonly { readonly value: Uint8Array }[]) => {
      const { crash } = this;
      this.crash = null;
      if (crash === 'before') return Promise.reject(new Crash('before the append'));
      for (const { value } of records) this.#take(value);
      if (crash === 'after') return Promise.reject(new Crash('after the append'));
      return Promise.resolve();
    },
  } as unknown as EventLog;

  readonly client = {
    query: (asked: { query: string; query_params?: Readonly<Record<string, unknown>> }) => {
      if (this.isDown) return Promise.reject(new Error('the warehouse is down'));
      const isCounts = asked.query.includes('flotilla_update_events');
      const rows = isCounts ? this.#counts(asked.query_params ?? {}) : [];
      return Promise.resolve({ json: () => Promise.resolve(rows) });
    },
  } as unknown as ClickHouseClient;

  #take(value: Uint8Array): void {
    for (const { resource, attributes, timeMs } of readLogsRequest(value)) {
      const reportId = String(attributes['flotilla.report.id']);
      if (this.#ids.has(reportId)) continue;
      this.#ids.add(reportId);
      const state = UPDATE_STATES.find((one) => one === attributes['flotilla.update.state']);
      if (state === undefined) throw new Error('the log holds a report without a state');
      this.told.push({
        deviceId: String(resource['device.id']),
        campaignId: String(attributes['flotilla.campaign.id']),
        round: Number(attributes['flotilla.campaign.round']),
        state,
        atMs: timeMs,
      });
    }
  }

  #counts(params: Readonly<Record<string, unknown>>): CampaignCountsRow[] {
    const cutoffs = params['cutoffs'] as string[];
    const deadlines = params['deadlines'] as number[];
    const excluded = new Set(params['excluded'] as string[]);
    const campaignId = String(params['campaign']);
    const rows = cutoffs.map((_cutoff, index): CampaignCountsRow => ({
      phase: index + 1,
      started: 0,
      confirmed: 0,
      failed: 0,
      rolled_back: 0,
      silent: 0,
      first_failure_at_ms: 0,
      last_finish_at_ms: 0,
    }));
    const own = this.told.filter(
      (one) => one.campaignId === campaignId && one.round <= Number(params['round']),
    );
    for (const [deviceId, of] of Map.groupBy(own, (one) => one.deviceId)) {
      const phase = phaseOfRank(deviceRank(campaignId, deviceId), cutoffs);
      const row = rows[phase - 1];
      if (row === undefined || excluded.has(deviceId)) continue;
      const fate = fateOf(of, {
        baseRound: Number(params['base_round']),
        deadlineMs: deadlines[phase - 1] ?? Infinity,
        nowMs: Number(params['now_ms']),
      });
      if (fate !== 'waiting') row.started += 1;
      if (fate !== 'waiting' && fate !== 'started') row[fate] += 1;
    }
    return rows;
  }
}

type Fate = 'waiting' | 'started' | 'confirmed' | 'failed' | 'rolled_back' | 'silent';

function fateOf(
  told: readonly Told[],
  window: { readonly baseRound: number; readonly deadlineMs: number; readonly nowMs: number },
): Fate {
  if (told.some(({ state }) => state === 'confirmed')) return 'confirmed';
  const newest = Math.max(...told.map(({ round }) => round));
  if (newest < window.baseRound) return 'waiting';
  const inRound = told.filter(({ round }) => round === newest);
  const final = inRound.find(({ state }) => isFinal(state));
  if (final !== undefined && isFinal(final.state)) return final.state;
  const offeredAtMs = Math.min(...atOf(inRound, (state) => state === 'offered'));
  const signAtMs = Math.min(...atOf(inRound, (state) => state !== 'offered'));
  const isBelieved = signAtMs >= offeredAtMs && signAtMs <= window.nowMs;
  const begunAtMs = isBelieved ? signAtMs : offeredAtMs;
  if (window.nowMs - begunAtMs > window.deadlineMs) return 'silent';
  return signAtMs === Infinity ? 'waiting' : 'started';
}

function atOf(told: readonly Told[], of: (state: UpdateState) => boolean): number[] {
  return told.filter(({ state }) => of(state)).map(({ atMs }) => atMs);
}
