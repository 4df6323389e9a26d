import { ProblemError } from '@flotilla/service';
import type { CampaignStore, Transition } from './campaign-store.ts';
import type { StoredCampaign } from './campaign-rows.ts';
import { stepCampaign } from './domain/campaign-machine.ts';

export const OPERATOR_ACTIONS = ['pause', 'resume', 'abort'] as const;
export type OperatorAction = (typeof OPERATOR_ACTIONS)[number];

const EVENTS = { pause: 'paused', resume: 'resumed', abort: 'aborted' } as const;

/** The gate writes a campaign only when it takes a step, so a lost race is rare and soon over. */
const MAX_TRIES = 5;

/** Throws ProblemError `not_found`, or `conflict` when the campaign's status does not allow it. */
export async function actOnCampaign(
  store: CampaignStore,
  campaignId: string,
  action: OperatorAction,
  by: { readonly actor: string; readonly reason: string },
  nowMs: number,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const campaign = await findCampaign(store, campaignId);
    const step = stepCampaign(campaign.status, action);
    if (!step.ok) throw new ProblemError('conflict', { detail: step.reason });
    const set = { status: step.status, ...(action === 'resume' && freshRound(campaign)) };
    const transition: Transition = {
      event: EVENTS[action],
      ...by,
      evidence: { round: campaign.round, currentPhase: campaign.currentPhase },
      set,
      unsettles: action === 'resume',
    };
    if (await store.transition(campaign, transition, nowMs)) return;
  }
  throw new ProblemError('conflict', { detail: 'the campaign keeps changing; try again' });
}

/** The old verdict judged the old round. */
function freshRound(campaign: StoredCampaign): Transition['set'] {
  return {
    round: campaign.round + 1,
    verdict_kind: null,
    verdict_code: null,
    verdict_words: null,
    verdict_at_ms: null,
  };
}

export async function findCampaign(store: CampaignStore, id: string): Promise<StoredCampaign> {
  const campaign = await store.find(id);
  if (campaign === null)
    throw new ProblemError('not_found', { detail: `there is no campaign ${id}` });
  return campaign;
}
