import type { CampaignStatus, Guards } from '@flotilla/contracts';
import type { CampaignRules } from './campaign-rules.ts';

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
  /** As it was asked for; null when in percent. */
  readonly count: number | null;
  /** Its own; null is the campaign's. */
  readonly soakMs: number | null;
  readonly deadlineMs: number | null;
  /** When an operator said not to wait for its devices. */
  readonly skippedAtMs: number | null;
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
  /** 1 at first; raised by every resume, retry and rollback. */
  readonly round: number;
  /** The first round whose failures count; a resume sets those of earlier ones aside. */
  readonly baseRound: number;
  readonly currentPhase: number;
  readonly errorThreshold: number;
  /** Null: chance decides what the threshold may judge by; see `campaign-verdict.ts`. */
  readonly minSample: number | null;
  readonly soakMs: number;
  /** Absent or null: not asked for. */
  readonly guards?: Guards | null;
  readonly deadlineMs: number;
  readonly phases: readonly CampaignPhase[];
  readonly rules: CampaignRules;
  readonly createdAtMs: number;
}

export function soakMsOf(campaign: Campaign, phase: number): number {
  return campaign.phases[phase - 1]?.soakMs ?? campaign.soakMs;
}

export function deadlineMsOf(campaign: Campaign, phase: number): number {
  return campaign.phases[phase - 1]?.deadlineMs ?? campaign.deadlineMs;
}

export function includesGroup(groups: readonly string[] | null, group: string): boolean {
  return groups === null || groups.includes(group);
}

export function cutoffsOf(campaign: Campaign): string[] {
  return campaign.phases.map((phase) => phase.cutoff);
}
