import { z } from 'zod';
import { campaignIdSchema, firmwareIdSchema, nameSchema, timestampSchema } from './identifiers.ts';

export const CAMPAIGN_STATUSES = ['running', 'paused', 'completed', 'aborted'] as const;
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

const phasesSchema = z
  .array(z.strictObject({ percent: z.number().gt(0).max(100) }))
  .min(1)
  .max(20)
  .refine((p) => p.every((x, i) => i === 0 || x.percent > (p[i - 1]?.percent ?? 0)), {
    message: 'percentages must rise from phase to phase',
  })
  .refine((p) => p.at(-1)?.percent === 100, { message: 'the last phase must be 100 percent' });

/** POST /api/v1/campaigns */
export const campaignCreateSchema = z.strictObject({
  name: z.string().trim().min(1).max(120),
  firmwareId: firmwareIdSchema,
  /** Devices of the firmware's model; of these groups only, when given. */
  groups: z.array(nameSchema).min(1).max(100).optional(),
  phases: phasesSchema.default([{ percent: 1 }, { percent: 10 }, { percent: 100 }]),
  /** Share of finished devices that may fail, 0 to 1; above it the campaign pauses. */
  errorThreshold: z.number().min(0).max(1).default(0.05),
  /**
   * A number: the threshold judges from so many finished devices on, capped by the phase's size. Null:
   * it judges as soon as the failures are more than chance explains (docs/decisions/0005).
   */
  minSample: z.number().int().min(1).max(1_000_000).nullable().default(null),
  /** A phase that is all confirmed rests this long before the next starts. */
  soakMs: z
    .number()
    .int()
    .min(0)
    .max(30 * 86_400_000)
    .default(0),
  /** A device that started and has not finished after this long counts as failed. */
  deadlineMs: z
    .number()
    .int()
    .min(1000)
    .max(30 * 86_400_000)
    .default(30 * 60_000),
});
export type CampaignCreate = z.infer<typeof campaignCreateSchema>;
export type CampaignCreateInput = z.input<typeof campaignCreateSchema>;

/** Body of pause, resume and abort. */
export const campaignActionSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });
export type CampaignAction = z.infer<typeof campaignActionSchema>;

/** Counts of one phase, of devices that belong to it and started; from the warehouse. */
export const phaseCountsSchema = z.object({
  started: z.number().int(),
  confirmed: z.number().int(),
  failed: z.number().int(),
  rolledBack: z.number().int(),
  /** Offered or started, not finished, past the deadline: counts as failed. */
  silent: z.number().int(),
});
export type PhaseCounts = z.infer<typeof phaseCountsSchema>;

export const VERDICTS = ['hold', 'advance', 'complete', 'pause'] as const;
export type VerdictKind = (typeof VERDICTS)[number];

/** The newest answer to "may the next phase start?", with the numbers it rests on. */
export const verdictSchema = z.object({
  kind: z.enum(VERDICTS),
  /** Stable code, e.g. `threshold_exceeded`, `awaiting_devices`, `warehouse_unavailable`. */
  code: z.string(),
  /** For a person: "1 of 1 canaries rolled back, 100 %, limit 5 %". */
  words: z.string(),
  at: timestampSchema,
});
export type Verdict = z.infer<typeof verdictSchema>;

export const phaseViewSchema = z.object({
  /** 1 is the canary. */
  phase: z.number().int(),
  percent: z.number(),
  /** Devices that this phase adds. */
  devices: z.number().int(),
  state: z.enum(['waiting', 'running', 'done']),
  startedAt: timestampSchema.nullable(),
  counts: phaseCountsSchema,
  /** (failed + rolled back + silent) / finished; null while nothing has finished. */
  errorRate: z.number().nullable(),
});
export type PhaseView = z.infer<typeof phaseViewSchema>;

export const campaignViewSchema = z.object({
  id: campaignIdSchema,
  name: z.string(),
  firmwareId: firmwareIdSchema,
  model: nameSchema,
  version: z.string(),
  groups: z.array(nameSchema).nullable(),
  status: z.enum(CAMPAIGN_STATUSES),
  round: z.number().int(),
  currentPhase: z.number().int(),
  totalDevices: z.number().int(),
  /** Devices that were ever offered this version by this campaign. */
  exposedDevices: z.number().int(),
  errorThreshold: z.number(),
  minSample: z.number().int().nullable(),
  soakMs: z.number().int(),
  deadlineMs: z.number().int(),
  phases: z.array(phaseViewSchema),
  verdict: verdictSchema.nullable(),
  createdAt: timestampSchema,
  updatedAt: timestampSchema,
});
export type CampaignView = z.infer<typeof campaignViewSchema>;

export const CAMPAIGN_EVENTS = [
  'created',
  'advanced',
  'auto_paused',
  'paused',
  'resumed',
  'aborted',
  'completed',
] as const;

/** One line of the append-only audit log; `actor` is `gate` for the evaluation loop. */
export const campaignEventSchema = z.object({
  at: timestampSchema,
  event: z.enum(CAMPAIGN_EVENTS),
  actor: z.string(),
  reason: z.string(),
  /** Counts, window and limits the decision rested on. */
  evidence: z.record(z.string(), z.unknown()).nullable(),
});
export type CampaignEvent = z.infer<typeof campaignEventSchema>;
