import { z } from 'zod';
import { campaignIdSchema, timestampSchema, versionSchema } from './identifiers.ts';

export const UPDATE_OUTCOMES = ['confirmed', 'failed', 'rolled_back'] as const;
export type UpdateOutcome = (typeof UPDATE_OUTCOMES)[number];

/** In the order an update passes through them; the last three are final. */
export const UPDATE_STATES = [
  'offered',
  'downloading',
  'installing',
  'trial',
  ...UPDATE_OUTCOMES,
] as const;
export type UpdateState = (typeof UPDATE_STATES)[number];

export function isFinal(state: UpdateState): state is UpdateOutcome {
  return (UPDATE_OUTCOMES as readonly string[]).includes(state);
}

/** Why an update did not end confirmed. `failed`: never booted; `rolled_back`: booted on trial, then left. */
export const UPDATE_REASONS = [
  'metadata_unavailable',
  'metadata_invalid',
  'metadata_signature_invalid',
  'metadata_expired',
  'metadata_rollback',
  'target_not_signed',
  'model_mismatch',
  'format_mismatch',
  'hardware_mismatch',
  'minimum_version_unmet',
  'downgrade_refused',
  'download_failed',
  'artifact_size_mismatch',
  'artifact_checksum_mismatch',
  'delta_invalid',
  'delta_base_mismatch',
  'bundle_invalid',
  'no_space',
  'slot_write_failed',
  'installer_failed',
  'slot_readback_mismatch',
  'hook_failed',
  'trial_crashed',
  'trial_unhealthy',
  'trial_probe_failed',
  'trial_memory_exceeded',
  'trial_telemetry_lost',
  'deadline_missed',
  'internal_error',
] as const;
export type UpdateReason = (typeof UPDATE_REASONS)[number];

/** POST /device/v1/reports. Idempotent by `reportId`; the same report also travels as an OTel log record. */
export const updateReportSchema = z.strictObject({
  reportId: z.uuid(),
  campaignId: campaignIdSchema,
  phase: z.number().int().min(1),
  round: z.number().int().min(1),
  state: z.enum(UPDATE_STATES),
  reason: z.enum(UPDATE_REASONS).optional(),
  /** One sentence for a person. */
  detail: z.string().max(1000).optional(),
  fromVersion: versionSchema.nullable(),
  toVersion: versionSchema,
  transferBytes: z.number().int().nonnegative().default(0),
  usedDelta: z.boolean().default(false),
  occurredAt: timestampSchema,
});
export type UpdateReport = z.infer<typeof updateReportSchema>;
export type UpdateReportInput = z.input<typeof updateReportSchema>;

/** An update as the registry remembers it: the newest state of one (campaign, device, round). */
export const updateRecordSchema = z.object({
  campaignId: campaignIdSchema,
  campaignName: z.string(),
  phase: z.number().int(),
  round: z.number().int(),
  state: z.enum(UPDATE_STATES),
  reason: z.enum(UPDATE_REASONS).nullable(),
  detail: z.string().nullable(),
  fromVersion: z.string().nullable(),
  toVersion: z.string(),
  transferBytes: z.number().int(),
  usedDelta: z.boolean(),
  startedAt: timestampSchema,
  updatedAt: timestampSchema,
});
export type UpdateRecord = z.infer<typeof updateRecordSchema>;
