import type { CampaignView, PhaseCounts, PhaseView } from '@flotilla/contracts';
import type { StoredCampaign } from './campaign-rows.ts';
import { isoOf, rulesView } from './campaign-rules-view.ts';
import { deadlineMsOf, soakMsOf, type CampaignPhase } from './domain/campaign.ts';
import { errorRateOf } from './domain/observation.ts';
import type { RollbackProgress } from './rollback-store.ts';

const NOTHING: PhaseCounts = { started: 0, confirmed: 0, failed: 0, rolledBack: 0, silent: 0 };

/** What an operator sees; counts are those of the newest evaluation. */
export function campaignView(
  campaign: StoredCampaign,
  exposedDevices: number,
  back: RollbackProgress | null,
): CampaignView {
  const phases = campaign.phases.map((phase) => phaseView(campaign, phase));
  const { verdict } = campaign;
  return {
    id: campaign.id,
    name: campaign.name,
    firmwareId: campaign.firmwareId,
    model: campaign.model,
    version: campaign.version,
    groups: campaign.groups === null ? null : [...campaign.groups],
    status: campaign.status,
    round: campaign.round,
    currentPhase: campaign.currentPhase,
    totalDevices: phases.reduce((sum, phase) => sum + phase.devices, 0),
    exposedDevices,
    errorThreshold: campaign.errorThreshold,
    minSample: campaign.minSample,
    soakMs: campaign.soakMs,
    deadlineMs: campaign.deadlineMs,
    guards: campaign.guards ?? null,
    phases,
    verdict: verdict && {
      kind: verdict.kind,
      code: verdict.code,
      words: verdict.words,
      at: isoOf(verdict.atMs),
    },
    createdAt: isoOf(campaign.createdAtMs),
    updatedAt: isoOf(campaign.updatedAtMs),
    ...rulesView(campaign, back),
  };
}

function phaseView(campaign: StoredCampaign, planned: CampaignPhase): PhaseView {
  const { phase, percent, count, startedAtMs, skippedAtMs } = planned;
  const seen = campaign.observation?.phases[phase - 1];
  const { started, confirmed, failed, rolledBack, silent } = seen ?? NOTHING;
  const counts = { started, confirmed, failed, rolledBack, silent };
  return {
    phase,
    percent,
    count,
    soakMs: soakMsOf(campaign, phase),
    deadlineMs: deadlineMsOf(campaign, phase),
    skippedAt: skippedAtMs === null ? null : isoOf(skippedAtMs),
    devices: seen?.devices ?? planned.plannedDevices,
    state: phaseState(campaign, planned),
    startedAt: startedAtMs === null ? null : isoOf(startedAtMs),
    counts,
    errorRate: errorRateOf(counts),
  };
}

function phaseState(campaign: StoredCampaign, planned: CampaignPhase): PhaseView['state'] {
  const { status, currentPhase } = campaign;
  if (planned.startedAtMs === null) return 'waiting';
  if (planned.phase < currentPhase) return 'done';
  return status === 'running' || status === 'paused' ? 'running' : 'done';
}
