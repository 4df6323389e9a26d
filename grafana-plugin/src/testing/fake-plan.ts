import type { CampaignCreate, CampaignPlan, CampaignView } from '@flotilla/contracts';
import type { FakeFleet } from './fake-fleet.ts';

export const PLANNED_CAMPAIGN_ID = 'cmp_new000000004';

/** A dry run: the first devices by id, in the order of their ids; who has the version is left out. */
export function planOf(fleet: FakeFleet, campaign: CampaignCreate): CampaignPlan | null {
  const firmware = fleet.firmware.find(({ id }) => id === campaign.firmwareId);
  if (firmware === undefined) return null;
  const ofModel = fleet.devices.filter(({ model }) => model === firmware.model);
  const groups = campaign.target?.groups;
  const inTarget = ofModel.filter(({ group }) => groups === undefined || groups.includes(group));
  const has = inTarget.filter(({ firmwareVersion }) => firmwareVersion === firmware.version);
  const chosen = inTarget.filter((device) => !has.includes(device));
  let before = 0;
  const phases = campaign.phases.map((phase, i) => {
    const end = Math.max(
      before + 1,
      phase.count ?? Math.ceil((chosen.length * (phase.percent ?? 100)) / 100),
    );
    const devices = chosen.slice(before, end);
    before = end;
    return {
      phase: i + 1,
      percent: phase.percent ?? 100,
      count: phase.count ?? null,
      soakMs: phase.soakMs ?? campaign.soakMs,
      deadlineMs: campaign.deadlineMs,
      totalDevices: devices.length,
      devices: devices.map(({ id }) => ({ deviceId: id, earliestAt: null, note: null })),
      earliestStartAt: new Date().toISOString(),
      offersTakeMs: 0,
    };
  });
  return {
    id: PLANNED_CAMPAIGN_ID,
    model: firmware.model,
    version: firmware.version,
    status: 'running',
    totalDevices: chosen.length,
    outsideTarget: ofModel.length - inTarget.length,
    phases,
    leftOut:
      has.length === 0
        ? []
        : [
            {
              reason: 'has_version',
              totalDevices: has.length,
              devices: has.map(({ id }) => ({
                deviceId: id,
                detail: `runs ${firmware.version} already`,
              })),
            },
          ],
    overlaps: [],
  };
}

export function campaignOf(
  fleet: FakeFleet,
  campaign: CampaignCreate,
  at: string,
): CampaignView | null {
  const plan = planOf(fleet, campaign);
  if (plan === null) return null;
  return {
    id: plan.id,
    name: campaign.name,
    firmwareId: campaign.firmwareId,
    model: plan.model,
    version: plan.version,
    groups: campaign.target?.groups ?? null,
    status: 'running',
    round: 1,
    currentPhase: 1,
    totalDevices: plan.totalDevices,
    exposedDevices: 0,
    errorThreshold: campaign.errorThreshold,
    minSample: campaign.minSample,
    soakMs: campaign.soakMs,
    deadlineMs: campaign.deadlineMs,
    phases: plan.phases.map(({ phase, percent, totalDevices }) => ({
      phase,
      percent,
      devices: totalDevices,
      state: phase === 1 ? 'running' : 'waiting',
      startedAt: phase === 1 ? at : null,
      counts: { started: 0, confirmed: 0, failed: 0, rolledBack: 0, silent: 0 },
      errorRate: null,
    })),
    verdict: null,
    createdAt: at,
    updatedAt: at,
  };
}
