import type { Campaign } from '../../src/campaigns/domain/campaign.ts';
import { PLAIN_RULES } from '../../src/campaigns/domain/campaign-rules.ts';
import { planPhases } from '../../src/campaigns/domain/campaign-plan.ts';
import type { ObservedPhase } from '../../src/campaigns/domain/observation.ts';

export const CAMPAIGN_ID = 'cmp_0123456789ab';

export function sampleCampaign(
  deviceIds: readonly string[],
  over: Partial<Campaign> & { percents?: readonly number[] } = {},
): Campaign {
  const { percents = [1, 10, 100], ...rest } = over;
  const id = over.id ?? CAMPAIGN_ID;
  const phases = planPhases(id, deviceIds, percents).map((phase) => ({
    ...phase,
    startedAtMs: null,
    settledAtMs: null,
    soakMs: null,
    deadlineMs: null,
    skippedAtMs: null,
  }));
  return {
    id,
    name: 'sample',
    firmwareId: 'fw_0123456789ab',
    model: 'sensor',
    version: '1.1.0',
    groups: null,
    status: 'running',
    round: 1,
    // A resume sets what was before it aside.
    baseRound: over.round ?? 1,
    rules: PLAIN_RULES,
    currentPhase: 1,
    errorThreshold: 0.05,
    minSample: 10,
    soakMs: 0,
    deadlineMs: 60_000,
    phases,
    createdAtMs: 0,
    ...rest,
  };
}

export function deviceNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `device-${i + 1}`);
}

export function observedPhase(phase: number, over: Partial<ObservedPhase> = {}): ObservedPhase {
  return {
    phase,
    devices: 0,
    inMaintenance: 0,
    started: 0,
    confirmed: 0,
    failed: 0,
    rolledBack: 0,
    silent: 0,
    firstFailureAtMs: null,
    lastFinishAtMs: null,
    ...over,
  };
}
