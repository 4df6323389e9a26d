import { CAMPAIGN_ACTIONS, type CampaignView } from '@flotilla/contracts';
import type { StoredCampaign } from './campaign-rows.ts';
import { ACT_OF_ACTION, stepCampaign } from './domain/campaign-machine.ts';
import { nobodyLeftOut } from './domain/phase-census.ts';
import type { RollbackProgress } from './rollback-store.ts';

type RulesView = Pick<
  CampaignView,
  | 'createdBy'
  | 'target'
  | 'schedule'
  | 'windows'
  | 'rateLimit'
  | 'approval'
  | 'priority'
  | 'includeMaintenance'
  | 'includeRolledBack'
  | 'maxAttempts'
  | 'deltaFallback'
  | 'leftOut'
  | 'rollback'
  | 'actions'
>;

/** The part of the view that is about the rules a campaign was created with. */
export function rulesView(campaign: StoredCampaign, back: RollbackProgress | null): RulesView {
  const { rules } = campaign;
  return {
    createdBy: campaign.createdBy,
    target: targetView(campaign),
    schedule: scheduleView(campaign),
    windows: rules.windows,
    rateLimit: rules.rateLimit,
    approval: {
      required: rules.approvalRequired,
      by: campaign.approvedBy,
      at: campaign.approvedAtMs === null ? null : isoOf(campaign.approvedAtMs),
    },
    priority: rules.priority,
    includeMaintenance: rules.includeMaintenance,
    includeRolledBack: rules.includeRolledBack,
    maxAttempts: rules.maxAttempts,
    deltaFallback:
      rules.deltaFallbackMaxBytes === null ? null : { maxBytes: rules.deltaFallbackMaxBytes },
    leftOut: { ...(campaign.observation?.leftOut ?? nobodyLeftOut()) },
    rollback: back && {
      updated: back.updated,
      returned: back.updated - back.remaining,
      remaining: back.remaining,
    },
    actions: actionsOf(campaign),
  };
}

function targetView({ groups, rules }: StoredCampaign): NonNullable<CampaignView['target']> {
  return {
    ...(groups !== null && { groups: [...groups] }),
    ...(rules.selector !== null && { selector: rules.selector.text }),
    ...(rules.versions !== null && { versions: rules.versions }),
    listedDevices: rules.listedDevices,
    dynamic: rules.list !== 'only',
  };
}

function scheduleView({ rules }: StoredCampaign): NonNullable<CampaignView['schedule']> | null {
  const { startAtMs, endAtMs } = rules;
  if (startAtMs === null && endAtMs === null) return null;
  return {
    ...(startAtMs !== null && { startAt: isoOf(startAtMs) }),
    ...(endAtMs !== null && { endAt: isoOf(endAtMs) }),
  };
}

function actionsOf({ status, currentPhase, phases }: StoredCampaign) {
  const isLastPhase = currentPhase >= phases.length;
  return CAMPAIGN_ACTIONS.filter(
    (action) =>
      stepCampaign(status, ACT_OF_ACTION[action]).ok && !(action === 'skip-phase' && isLastPhase),
  );
}

export function isoOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
