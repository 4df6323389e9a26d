import type { CampaignView, PhaseCounts, PhaseView } from '@flotilla/contracts';
import type { StoredCampaign } from './campaign-rows.ts';
import type { CampaignPhase } from './domain/campaign.ts';
import { errorRateOf } from './domain/observation.ts';

const NOTHING: PhaseCounts = { started: 0, confirmed: 0, failed: 0, rolledBack: 0, silent: 0 };

/** What an operator sees; counts are those of the newest evaluation. */
export function campaignView(campaign: StoredCampaign, exposedDevices: number): CampaignView {
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
      at: new Date(verdict.atMs).toISOString(),
    },
    createdAt: new Date(campaign.createdAtMs).toISOString(),
    updatedAt: new Date(campaign.updatedAtMs).toISOString(),
  };
}

function phaseView(campaign: StoredCampaign, planned: CampaignPhase): PhaseView {
  const { phase, percent, startedAtMs } = planned;
  const seen = campaign.observation?.phases[phase - 1];
  const { started, confirmed, failed, rolledBack, silent } = seen ?? NOTHING;
  const counts = { started, confirmed, failed, rolledBack, silent };
  return {
    phase,
    percent,
    devices: seen?.devices ?? planned.plannedDevices,
    state: phaseState(campaign, phase),
    startedAt: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
    counts,
    errorRate: errorRateOf(counts),
  };
}

function phaseState(campaign: StoredCampaign, phase: number): PhaseView['state'] {
  if (phase > campaign.currentPhase) return 'waiting';
  if (phase < campaign.currentPhase) return 'done';
  return campaign.status === 'running' || campaign.status === 'paused' ? 'running' : 'done';
}
