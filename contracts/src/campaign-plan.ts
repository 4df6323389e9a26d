import { z } from 'zod';
import { campaignIdSchema, deviceIdSchema, nameSchema, timestampSchema } from './identifiers.ts';

/** Why a device of the target gets nothing. */
export const LEFT_OUT_REASONS = [
  'retired',
  'has_version',
  /** Runs a newer one, and the firmware is not signed for a downgrade. */
  'newer_version',
  /** Hardware revision or running version do not fit the firmware. */
  'incompatible',
  /** Rolled this version back in an earlier campaign. */
  'rolled_back_before',
  /** Failed as often as the campaign allows. */
  'out_of_attempts',
] as const;
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

const plannedDeviceSchema = z.object({
  deviceId: deviceIdSchema,
  /**
   * The earliest, if all goes well: not before its phase starts nor outside its maintenance window; null
   * when no window opens within a fortnight.
   */
  earliestAt: timestampSchema.nullable(),
  /** What else it waits for, such as the end of its maintenance. */
  note: z.string().nullable(),
});

const plannedPhaseSchema = z.object({
  phase: z.number().int(),
  percent: z.number(),
  count: z.number().int().nullable(),
  soakMs: z.number().int(),
  deadlineMs: z.number().int(),
  /** Devices that this phase adds. */
  totalDevices: z.number().int(),
  /** The first of them by id. */
  devices: z.array(plannedDeviceSchema),
  /** If every device before confirms at once, with soak times and `devicesPerMinute`; no promise. */
  earliestStartAt: timestampSchema,
  /** How long its offers take at least, at `devicesPerMinute`; 0 without. */
  offersTakeMs: z.number().int(),
});

const leftOutDevicesSchema = z.object({
  reason: z.enum(LEFT_OUT_REASONS),
  totalDevices: z.number().int(),
  /** The first of them by id, each with a sentence for a person. */
  devices: z.array(z.object({ deviceId: deviceIdSchema, detail: z.string() })),
});

const overlapSchema = z.object({
  campaignId: campaignIdSchema,
  name: z.string(),
  priority: z.number().int(),
  /** Devices that both want. */
  totalDevices: z.number().int(),
  /** True when the other goes first on them. */
  goesFirst: z.boolean(),
});

/** Answer of POST /api/v1/campaigns/dry-run, which changes nothing. */
export const campaignPlanSchema = z.object({
  /** To be given to the creation, so that it comes as planned here. */
  id: campaignIdSchema,
  model: nameSchema,
  version: z.string(),
  status: z.enum(['running', 'scheduled', 'awaiting_approval']),
  totalDevices: z.number().int(),
  /** Devices of the model that the target does not name. */
  outsideTarget: z.number().int(),
  phases: z.array(plannedPhaseSchema),
  leftOut: z.array(leftOutDevicesSchema),
  overlaps: z.array(overlapSchema),
});
export type CampaignPlan = z.infer<typeof campaignPlanSchema>;
