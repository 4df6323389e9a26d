import type { CampaignStatus } from '@flotilla/contracts';

export const CAMPAIGN_ACTIONS = [
  'create',
  'advance',
  'complete',
  'auto_pause',
  'pause',
  'resume',
  'abort',
] as const;
export type CampaignAct = (typeof CAMPAIGN_ACTIONS)[number];

export type CampaignStep =
  | { readonly ok: true; readonly status: CampaignStatus }
  | { readonly ok: false; readonly reason: string };

/** Every legal step; what is not here is refused. `none` is the campaign that does not exist yet. */
const STEPS: Readonly<
  Record<CampaignStatus | 'none', Readonly<Partial<Record<CampaignAct, CampaignStatus>>>>
> = {
  none: { create: 'running' },
  running: {
    advance: 'running',
    complete: 'completed',
    auto_pause: 'paused',
    pause: 'paused',
    abort: 'aborted',
  },
  paused: { resume: 'running', abort: 'aborted' },
  completed: {},
  aborted: {},
};

export function stepCampaign(status: CampaignStatus | 'none', act: CampaignAct): CampaignStep {
  const next = STEPS[status][act];
  if (next !== undefined) return { ok: true, status: next };
  const possible = Object.keys(STEPS[status]);
  const rest = possible.length === 0 ? 'nothing more can be done with it' : 'that is not possible';
  return { ok: false, reason: `cannot ${act}: the campaign is ${status}, ${rest}` };
}
