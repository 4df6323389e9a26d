import type { Selectable } from 'kysely';
import { z } from 'zod';
import {
  campaignEventSchema,
  guardsSchema,
  LEFT_OUT_REASONS,
  type CampaignEvent,
} from '@flotilla/contracts';
import type { Campaign, CampaignPhase } from './domain/campaign.ts';
import { rulesFromJson } from './domain/campaign-rules.ts';
import type { ObservedPhases } from './domain/observation.ts';
import type { CampaignEventRow, CampaignPhaseRow, CampaignRow } from './tables.ts';

/** A campaign with what the registry keeps beside it. */
export interface StoredCampaign extends Campaign {
  readonly rowVersion: number;
  readonly verdict: StoredVerdict | null;
  readonly observation: ObservedPhases | null;
  readonly updatedAtMs: number;
  readonly createdBy: string;
  readonly approvedBy: string | null;
  readonly approvedAtMs: number | null;
}

export interface StoredVerdict {
  readonly kind: NonNullable<CampaignRow['verdict_kind']>;
  readonly code: string;
  readonly words: string;
  readonly atMs: number;
}

const groupsSchema = z.array(z.string());

const observedPhaseSchema = z.object({
  phase: z.number(),
  devices: z.number(),
  inMaintenance: z.number(),
  toRetry: z.number().optional(),
  started: z.number(),
  confirmed: z.number(),
  failed: z.number(),
  rolledBack: z.number(),
  silent: z.number(),
  firstFailureAtMs: z.number().nullable(),
  lastFinishAtMs: z.number().nullable(),
});

const observationSchema: z.ZodType<ObservedPhases> = z.object({
  kind: z.literal('observed'),
  phases: z.array(observedPhaseSchema),
  retired: z.number(),
  hasVersion: z.number(),
  // Absent in rows from before devices told their hardware.
  withheld: z.number().default(0),
  leftOut: z.record(z.enum(LEFT_OUT_REASONS), z.number()).optional(),
});

export function campaignOf(
  row: Selectable<CampaignRow>,
  phases: readonly Selectable<CampaignPhaseRow>[],
): StoredCampaign {
  return {
    id: row.id,
    name: row.name,
    firmwareId: row.firmware_id,
    model: row.model,
    version: row.version,
    groups: row.groups_json === null ? null : groupsSchema.parse(JSON.parse(row.groups_json)),
    status: row.status,
    round: row.round,
    baseRound: row.base_round,
    currentPhase: row.current_phase,
    errorThreshold: row.error_threshold,
    minSample: row.min_sample === 0 ? null : row.min_sample,
    soakMs: row.soak_ms,
    guards: row.guards_json === null ? null : guardsSchema.parse(JSON.parse(row.guards_json)),
    deadlineMs: row.deadline_ms,
    phases: phases.map(phaseOf),
    rules: rulesFromJson(row.rules_json),
    createdBy: row.created_by,
    approvedBy: row.approved_by,
    approvedAtMs: row.approved_at_ms,
    createdAtMs: row.created_at_ms,
    rowVersion: row.row_version,
    verdict: verdictOf(row),
    observation:
      row.observation_json === null
        ? null
        : observationSchema.parse(JSON.parse(row.observation_json)),
    updatedAtMs: row.updated_at_ms,
  };
}

function phaseOf(row: Selectable<CampaignPhaseRow>): CampaignPhase {
  return {
    phase: row.phase,
    percent: row.percent,
    plannedDevices: row.planned_devices,
    cutoff: row.cutoff,
    startedAtMs: row.started_at_ms,
    settledAtMs: row.settled_at_ms,
    count: row.count,
    soakMs: row.soak_ms,
    deadlineMs: row.deadline_ms,
    skippedAtMs: row.skipped_at_ms,
  };
}

function verdictOf(row: Selectable<CampaignRow>): StoredVerdict | null {
  const { verdict_kind: kind, verdict_code: code, verdict_at_ms: atMs } = row;
  if (kind === null || code === null || atMs === null) return null;
  return { kind, code, words: row.verdict_words ?? '', atMs };
}

export function eventOf(row: CampaignEventRow): CampaignEvent {
  const evidence: unknown = row.evidence_json === null ? null : JSON.parse(row.evidence_json);
  return campaignEventSchema.parse({
    at: new Date(row.at_ms).toISOString(),
    event: row.event,
    actor: row.actor,
    reason: row.reason,
    evidence,
  });
}
