import type { Kysely } from 'kysely';
import type { Logger } from '@flotilla/service';
import type { Database } from '../db/database.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import type { CampaignStore, Transition } from './campaign-store.ts';
import { ACTS, stepCampaign } from './domain/campaign-machine.ts';
import { dueStep } from './domain/due-step.ts';
import type { RollbackStore } from './rollback-store.ts';
import { pauseUnofferable } from './unofferable-campaigns.ts';

export interface DueStepDeps {
  readonly database: Kysely<Database>;
  readonly store: CampaignStore;
  readonly rollbacks: RollbackStore;
  readonly clock: () => number;
  readonly logger: Logger;
}

const WAITING = {
  statuses: ['awaiting_approval', 'scheduled', 'running', 'paused', 'rolling_back'],
} as const;

/** The steps that no gate and no operator takes: by the clock, and when everybody is back. */
export class DueSteps {
  readonly #deps: DueStepDeps;
  constructor(deps: DueStepDeps) {
    this.#deps = deps;
  }

  /** One campaign's fault keeps no other from its step. */
  async take(): Promise<void> {
    const { store, logger } = this.#deps;
    for (const campaign of await store.list(WAITING)) {
      try {
        await this.#takeOne(campaign);
      } catch (err) {
        logger.error({ err, campaign: campaign.id }, 'a step that was due was not taken');
      }
    }
  }

  async #takeOne(campaign: StoredCampaign): Promise<void> {
    const { database, store, clock } = this.#deps;
    const nowMs = clock();
    const transition = await this.#transition(campaign, nowMs);
    // Lost to an operator or another replica: what they left is looked at anew.
    if (transition === null || !(await store.transition(campaign, transition, nowMs))) return;
    if (transition.event === 'started') await pauseUnofferable(database, store, nowMs);
  }

  async #transition(campaign: StoredCampaign, nowMs: number): Promise<Transition | null> {
    if (campaign.status === 'rolling_back') return this.#returned(campaign, nowMs);
    const act = dueStep(campaign, nowMs);
    if (act === null) return null;
    const { startAtMs, endAtMs } = campaign.rules;
    const { status, round, currentPhase } = campaign;
    const evidence = { status, round, currentPhase };
    const at = (ms: number) => new Date(ms).toISOString();
    if (act === 'expire') {
      const reason = `its schedule ended at ${at(endAtMs ?? nowMs)}`;
      return { ...step(campaign, 'expire'), reason, evidence };
    }
    const reason = startAtMs === null ? 'it may start' : `its schedule begins at ${at(startAtMs)}`;
    return { ...step(campaign, 'start'), reason, evidence, startsPhase: currentPhase };
  }

  /** Null while a device still runs the version, or may yet confirm it. */
  async #returned(campaign: StoredCampaign, nowMs: number): Promise<Transition | null> {
    const { rollbacks } = this.#deps;
    const { updated, remaining } = await rollbacks.progress(campaign);
    if (remaining > 0) return null;
    const deadlines = campaign.phases.map(({ deadlineMs }) => deadlineMs ?? campaign.deadlineMs);
    const sinceMs = nowMs - Math.max(campaign.deadlineMs, ...deadlines);
    if ((await rollbacks.underTrial(campaign.id, sinceMs)) > 0) return null;
    const reason = `none of the ${updated} updated devices runs ${campaign.version} any more`;
    return { ...step(campaign, 'returned'), reason, evidence: { updated, remaining } };
  }
}

function step(campaign: StoredCampaign, act: 'start' | 'expire' | 'returned') {
  const next = stepCampaign(campaign.status, act);
  if (!next.ok) throw new Error(next.reason);
  const { event, by } = ACTS[act];
  return { event, actor: by, set: { status: next.status } };
}
