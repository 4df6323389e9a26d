import type { CampaignActionName, CampaignEvent, CampaignStatus } from '@flotilla/contracts';

export type CampaignEventName = CampaignEvent['event'];

/** What can be done with a campaign, the line it leaves in the audit log, and who may do it. */
export const ACTS = {
  create: { event: 'created', by: 'operator' },
  schedule: { event: 'created', by: 'operator' },
  submit: { event: 'created', by: 'operator' },
  approve: { event: 'approved', by: 'operator' },
  start: { event: 'started', by: 'schedule' },
  advance: { event: 'advanced', by: 'gate' },
  skip_phase: { event: 'phase_skipped', by: 'operator' },
  retry: { event: 'retried', by: 'operator' },
  auto_pause: { event: 'auto_paused', by: 'gate' },
  pause: { event: 'paused', by: 'operator' },
  resume: { event: 'resumed', by: 'operator' },
  complete: { event: 'completed', by: 'gate' },
  rollback: { event: 'rollback_ordered', by: 'operator' },
  returned: { event: 'rolled_back', by: 'gate' },
  abort: { event: 'aborted', by: 'operator' },
  expire: { event: 'expired', by: 'schedule' },
} as const satisfies Record<
  string,
  { readonly event: CampaignEventName; readonly by: 'operator' | 'gate' | 'schedule' }
>;
export type CampaignAct = keyof typeof ACTS;
export const CAMPAIGN_ACTS = Object.keys(ACTS) as CampaignAct[];

/** The act behind each of an operator's actions. */
export const ACT_OF_ACTION: Readonly<Record<CampaignActionName, CampaignAct>> = {
  approve: 'approve',
  pause: 'pause',
  resume: 'resume',
  'skip-phase': 'skip_phase',
  retry: 'retry',
  rollback: 'rollback',
  abort: 'abort',
};

export type CampaignState = CampaignStatus | 'none';

/** Every legal step; what is not here is refused. `none` is the campaign that does not exist yet. */
export const STEPS: Readonly<
  Record<CampaignState, Readonly<Partial<Record<CampaignAct, CampaignStatus>>>>
> = {
  none: { create: 'running', schedule: 'scheduled', submit: 'awaiting_approval' },
  awaiting_approval: { approve: 'scheduled', abort: 'aborted', expire: 'aborted' },
  scheduled: { start: 'running', abort: 'aborted', expire: 'aborted' },
  running: {
    advance: 'running',
    skip_phase: 'running',
    retry: 'running',
    complete: 'completed',
    auto_pause: 'paused',
    pause: 'paused',
    rollback: 'rolling_back',
    abort: 'aborted',
    expire: 'aborted',
  },
  paused: { resume: 'running', rollback: 'rolling_back', abort: 'aborted', expire: 'aborted' },
  completed: { retry: 'running', rollback: 'rolling_back' },
  aborted: { rollback: 'rolling_back' },
  rolling_back: { returned: 'rolled_back', abort: 'aborted' },
  rolled_back: {},
};

export type CampaignStep =
  | { readonly ok: true; readonly status: CampaignStatus }
  | { readonly ok: false; readonly reason: string };

export function stepCampaign(status: CampaignState, act: CampaignAct): CampaignStep {
  const next = STEPS[status][act];
  if (next !== undefined) return { ok: true, status: next };
  const possible = Object.keys(STEPS[status]);
  const rest = possible.length === 0 ? 'nothing more can be done with it' : 'that is not possible';
  return { ok: false, reason: `cannot ${act}: the campaign is ${status}, ${rest}` };
}
