import type { CampaignStatus, Guards } from '@flotilla/contracts';

export interface CampaignPhase {
  /** 1 is the canary. */
  readonly phase: number;
  readonly percent: number;
  /** Devices the phase added when the campaign was planned. */
  readonly plannedDevices: number;
  /** Highest rank that belongs to this phase or one before it; see `campaign-plan.ts`. */
  readonly cutoff: string;
  readonly startedAtMs: number | null;
  /** When the gate first saw every device finished in this round. */
  readonly settledAtMs: number | null;
}

/** A campaign as the decisions see it. */
export interface Campaign {
  readonly id: string;
  readonly name: string;
  readonly firmwareId: string;
  readonly model: string;
  readonly version: string;
  /** Null is every group of the model. */
  readonly groups: readonly string[] | null;
  readonly status: CampaignStatus;
  /** 1 at first; raised by every resume, which sets the failures of earlier rounds aside. */
  readonly round: number;
  readonly currentPhase: number;
  readonly errorThreshold: number;
  /** Null: chance decides what the threshold may judge by; see `campaign-verdict.ts`. */
  readonly minSample: number | null;
  readonly soakMs: number;
  /** Absent or null: not asked for. */
  readonly guards?: Guards | null;
  readonly deadlineMs: number;
  readonly phases: readonly CampaignPhase[];
  readonly createdAtMs: number;
}

export function includesGroup(groups: readonly string[] | null, group: string): boolean {
  return groups === null || groups.includes(group);
}

export function cutoffsOf(campaign: Campaign): string[] {
  return campaign.phases.map((phase) => phase.cutoff);
}
