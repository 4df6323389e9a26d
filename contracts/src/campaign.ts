import { z } from 'zod';
import {
  campaignScheduleSchema,
  campaignTargetSchema,
  deadlineMsSchema,
  maintenanceWindowsSchema,
  phasesSchema,
  rateLimitSchema,
  soakMsSchema,
} from './campaign-rules.ts';
import { LEFT_OUT_REASONS } from './campaign-plan.ts';
import { guardsSchema } from './guards.ts';
import { campaignIdSchema, firmwareIdSchema, nameSchema, timestampSchema } from './identifiers.ts';

export const CAMPAIGN_STATUSES = [
  'awaiting_approval',
  'scheduled',
  'running',
  'paused',
  'completed',
  'aborted',
  'rolling_back',
  'rolled_back',
] as const;
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

/** POST /api/v1/campaigns and POST /api/v1/campaigns/dry-run */
export const campaignCreateSchema = z
  .strictObject({
    /** Of a dry run: then the same devices fall into the same phases. */
    id: campaignIdSchema.optional(),
    name: z.string().trim().min(1).max(120),
    firmwareId: firmwareIdSchema,
    /** Short for `target.groups`. */
    groups: z.array(nameSchema).min(1).max(100).optional(),
    /** Devices of the firmware's model; of these only, when given. */
    target: campaignTargetSchema.optional(),
    phases: phasesSchema.default([{ percent: 1 }, { percent: 10 }, { percent: 100 }]),
    /** Share of finished devices that may fail, 0 to 1; above it the campaign pauses. */
    errorThreshold: z.number().min(0).max(1).default(0.05),
    /**
     * A number: the threshold judges from so many finished devices on, capped by the phase's size. Null:
     * it judges as soon as the failures are more than chance explains (docs/decisions/0005).
     */
    minSample: z.number().int().min(1).max(1_000_000).nullable().default(null),
    /** A phase that is all confirmed rests this long before the next starts. */
    soakMs: soakMsSchema.default(0),
    /** A device that started and has not finished after this long counts as failed. */
    deadlineMs: deadlineMsSchema.default(30 * 60_000),
    /** Compare the telemetry of updated devices with that of others, and wait for it; not when absent. */
    guards: guardsSchema.optional(),
    schedule: campaignScheduleSchema.optional(),
    windows: maintenanceWindowsSchema.optional(),
    rateLimit: rateLimitSchema.optional(),
    /** Another operator than the creator must approve before anything is offered. */
    approval: z.strictObject({ required: z.boolean() }).optional(),
    /** Where campaigns overlap on a device the higher one has it; of equal ones the newer. */
    priority: z.number().int().min(-100).max(100).default(0),
    /** Devices in maintenance get offers as well. */
    includeMaintenance: z.boolean().default(false),
    /** Devices that rolled this version back in an earlier campaign get it once more. */
    includeRolledBack: z.boolean().default(false),
    /** Tries that one device gets, the first included, over all resumes and retries. */
    maxAttempts: z.number().int().min(1).max(20).default(5),
    /** The full image may follow a delta that failed if it is no larger; else the device's own bound holds. */
    deltaFallback: z.strictObject({ maxBytes: z.number().int().nonnegative() }).optional(),
  })
  .refine(({ groups, target }) => groups === undefined || target === undefined, {
    message: 'give groups as target.groups',
    path: ['groups'],
  });
export type CampaignCreate = z.infer<typeof campaignCreateSchema>;
export type CampaignCreateInput = z.input<typeof campaignCreateSchema>;

/** POST /api/v1/campaigns/{id}/{action} */
export const CAMPAIGN_ACTIONS = [
  'approve',
  'pause',
  'resume',
  'skip-phase',
  'retry',
  'rollback',
  'abort',
] as const;
export type CampaignActionName = (typeof CAMPAIGN_ACTIONS)[number];

/** Body of every action. */
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
  /** As it was asked for; then `percent` is what it came to when it was planned. */
  count: z.number().int().nullable().optional(),
  /** The phase's own, or the campaign's. */
  soakMs: z.number().int().optional(),
  deadlineMs: z.number().int().optional(),
  /** When an operator skipped it: its devices are not waited for. */
  skippedAt: timestampSchema.nullable().optional(),
  /** Devices that this phase adds. */
  devices: z.number().int(),
  state: z.enum(['waiting', 'running', 'done']),
  startedAt: timestampSchema.nullable(),
  counts: phaseCountsSchema,
  /** (failed + rolled back + silent) / finished; null while nothing has finished. */
  errorRate: z.number().nullable(),
});
export type PhaseView = z.infer<typeof phaseViewSchema>;

/** How many devices of the target are left out now, by reason; from the newest count. */
export const leftOutSchema = z.record(z.enum(LEFT_OUT_REASONS), z.number().int());

/** The rules it was created with, and what they come to now. */
const campaignRulesViewSchema = z
  .object({
    createdBy: z.string(),
    /** `deviceIds` is told as their number only. */
    target: campaignTargetSchema
      .omit({ deviceIds: true })
      .extend({ listedDevices: z.number().int().nullable() }),
    schedule: campaignScheduleSchema.nullable(),
    windows: maintenanceWindowsSchema.nullable(),
    rateLimit: rateLimitSchema.nullable(),
    approval: z.object({
      required: z.boolean(),
      by: z.string().nullable(),
      at: timestampSchema.nullable(),
    }),
    priority: z.number().int(),
    includeMaintenance: z.boolean(),
    includeRolledBack: z.boolean(),
    maxAttempts: z.number().int(),
    deltaFallback: z.object({ maxBytes: z.number().int() }).nullable(),
    leftOut: leftOutSchema,
    /** Null unless it was ordered. `returned` of the `updated` devices are back; `remaining` still run it. */
    rollback: z
      .object({
        updated: z.number().int(),
        returned: z.number().int(),
        remaining: z.number().int(),
      })
      .nullable(),
    /** What its status allows an operator to do. */
    actions: z.array(z.enum(CAMPAIGN_ACTIONS)),
  })
  .partial();

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
  /** Null: not asked for. */
  guards: guardsSchema.nullable().optional(),
  phases: z.array(phaseViewSchema),
  verdict: verdictSchema.nullable(),
  ...campaignRulesViewSchema.shape,
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
  'approved',
  'started',
  'phase_skipped',
  'retried',
  'rollback_ordered',
  'rolled_back',
  'expired',
] as const;

/**
 * One line of the append-only audit log; `actor` is the operator's name, `gate` for the evaluation loop,
 * `schedule` for the clock, `registry` for a firmware that may be offered to nobody any more.
 */
export const campaignEventSchema = z.object({
  at: timestampSchema,
  event: z.enum(CAMPAIGN_EVENTS),
  actor: z.string(),
  reason: z.string(),
  /** Counts, window and limits the decision rested on. */
  evidence: z.record(z.string(), z.unknown()).nullable(),
});
export type CampaignEvent = z.infer<typeof campaignEventSchema>;
