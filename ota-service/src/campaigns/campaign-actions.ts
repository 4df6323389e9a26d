import type { CampaignActionName } from '@flotilla/contracts';
import { ProblemError } from '@flotilla/service';
import type { CampaignStore, Transition } from './campaign-store.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import { ACT_OF_ACTION, ACTS, stepCampaign } from './domain/campaign-machine.ts';

export interface ActionBy {
  readonly actor: string;
  readonly reason: string;
}

/** The gate writes a campaign only when it takes a step, so a lost race is rare and soon over. */
const MAX_TRIES = 5;

/** Throws ProblemError `not_found`, or `conflict` when the campaign's status does not allow it. */
export async function actOnCampaign(
  store: CampaignStore,
  campaignId: string,
  action: CampaignActionName,
  by: ActionBy,
  nowMs: number,
): Promise<void> {
  const act = ACT_OF_ACTION[action];
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const campaign = await findCampaign(store, campaignId);
    const step = stepCampaign(campaign.status, act);
    if (!step.ok) throw new ProblemError('conflict', { detail: step.reason });
    const { round, currentPhase, status } = campaign;
    const change = CHANGES[action]?.(campaign, by, nowMs);
    const transition: Transition = {
      event: ACTS[act].event,
      ...by,
      evidence: { round, currentPhase, status },
      ...change,
      set: { status: step.status, ...change?.set },
    };
    if (await store.transition(campaign, transition, nowMs)) return;
  }
  throw new ProblemError('conflict', { detail: 'the campaign keeps changing; try again' });
}

type Change = Omit<Transition, 'event' | 'actor' | 'reason' | 'evidence'>;

/** What an action changes beside the status. */
const CHANGES: Readonly<
  Partial<
    Record<CampaignActionName, (campaign: StoredCampaign, by: ActionBy, nowMs: number) => Change>
  >
> = {
  approve({ createdBy }, { actor }, nowMs) {
    if (actor === createdBy) {
      const detail = `${actor} created this campaign; another operator must approve it`;
      throw new ProblemError('conflict', { detail });
    }
    return { set: { approved_by: actor, approved_at_ms: nowMs } };
  },
  /** The failures before it are set aside, and whoever failed may try again. */
  resume({ round }) {
    return { set: { round: round + 1, base_round: round + 1, ...NO_VERDICT }, unsettles: true };
  },
  /** The failures count until their devices have been asked again. */
  retry({ round }) {
    return { set: { round: round + 1, ...NO_VERDICT }, unsettles: true };
  },
  rollback({ round }) {
    return { set: { round: round + 1, ...NO_VERDICT } };
  },
  'skip-phase'({ currentPhase, phases }) {
    if (currentPhase >= phases.length) {
      throw new ProblemError('conflict', { detail: 'the last phase cannot be skipped' });
    }
    return {
      set: { current_phase: currentPhase + 1, ...NO_VERDICT },
      skipsPhase: currentPhase,
      startsPhase: currentPhase + 1,
    };
  },
};

/** The old one judged something else. */
const NO_VERDICT = {
  verdict_kind: null,
  verdict_code: null,
  verdict_words: null,
  verdict_at_ms: null,
} as const;

export async function findCampaign(store: CampaignStore, id: string): Promise<StoredCampaign> {
  const campaign = await store.find(id);
  if (campaign === null)
    throw new ProblemError('not_found', { detail: `there is no campaign ${id}` });
  return campaign;
}
