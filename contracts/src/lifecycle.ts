import { z } from 'zod';
import { LIFECYCLE_STATES } from './device.ts';
import { deviceIdSchema, nameSchema, timestampSchema } from './identifiers.ts';

const reasonSchema = z.string().trim().min(1).max(500);

/** What becomes of a retired device's data in the registry and the warehouse. */
export const DATA_POLICIES = ['retain', 'erase'] as const;
export type DataPolicy = (typeof DATA_POLICIES)[number];

/** How a device goes; only with `to: 'retired'`. */
export const decommissionOptionsSchema = z.strictObject({
  /** It keeps its credentials for so long to hand in its telemetry; 0 cuts it off at once. */
  drainMs: z
    .number()
    .int()
    .min(0)
    .max(7 * 86_400_000)
    .default(0),
  /** It is told to wipe itself, also after it was cut off. */
  wipe: z.boolean().default(true),
  /** Without an acknowledgement the wipe counts as timed out after this. */
  wipeTimeoutMs: z
    .number()
    .int()
    .min(1000)
    .max(90 * 86_400_000)
    .default(7 * 86_400_000),
  data: z.enum(DATA_POLICIES).default('retain'),
});
export type DecommissionOptions = z.infer<typeof decommissionOptionsSchema>;

/** Nobody makes a device `provisioned` again. */
export const LIFECYCLE_TARGETS = ['active', 'maintenance', 'retired'] as const;

const changeSchema = z.strictObject({
  to: z.enum(LIFECYCLE_TARGETS),
  reason: reasonSchema,
  decommission: decommissionOptionsSchema.optional(),
});

/** POST /api/v1/devices/{id}/lifecycle */
export const lifecycleChangeSchema = changeSchema.refine(
  ({ to, decommission }) => to === 'retired' || decommission === undefined,
  { path: ['decommission'], message: 'goes with "to": "retired" alone' },
);
export type LifecycleChange = z.infer<typeof lifecycleChangeSchema>;

/** POST /api/v1/devices/bulk-lifecycle: devices by their ids, or all of a group (of one model). */
export const bulkLifecycleSchema = changeSchema
  .extend({
    deviceIds: z.array(deviceIdSchema).min(1).max(1000).optional(),
    group: nameSchema.optional(),
    model: nameSchema.optional(),
  })
  .refine(({ deviceIds, group }) => (deviceIds === undefined) !== (group === undefined), {
    message: 'name either deviceIds or a group',
  })
  .refine(({ to, decommission }) => to === 'retired' || decommission === undefined, {
    path: ['decommission'],
    message: 'goes with "to": "retired" alone',
  });
export type BulkLifecycle = z.infer<typeof bulkLifecycleSchema>;

/** Who moved a device on. */
export const LIFECYCLE_ACTORS = ['operator', 'device', 'provisioning', 'policy'] as const;
export type LifecycleActor = (typeof LIFECYCLE_ACTORS)[number];

/** An entry of GET /api/v1/devices/{id}/lifecycle, newest first. */
export const lifecycleEntrySchema = z.object({
  seq: z.number().int().min(1),
  /** Null for the entry that made the device. */
  from: z.enum(LIFECYCLE_STATES).nullable(),
  to: z.enum(LIFECYCLE_STATES),
  reason: z.string(),
  actor: z.enum(LIFECYCLE_ACTORS),
  at: timestampSchema,
});
export type LifecycleEntry = z.infer<typeof lifecycleEntrySchema>;

export const DECOMMISSION_STEPS = [
  'drain',
  'revoke',
  'remove_credentials',
  'wipe',
  'settle_data',
  'done',
] as const;
export type DecommissionStep = (typeof DECOMMISSION_STEPS)[number];

export const WIPE_OUTCOMES = ['acknowledged', 'timed_out', 'not_asked'] as const;
export type WipeOutcome = (typeof WIPE_OUTCOMES)[number];

/** The way out of a retired device; kept for good as its audit record. */
export const decommissionViewSchema = z.object({
  step: z.enum(DECOMMISSION_STEPS),
  options: decommissionOptionsSchema,
  reason: z.string(),
  requestedAt: timestampSchema,
  /** Null until it is known. */
  wipe: z.enum(WIPE_OUTCOMES).nullable(),
  /** Of each finished step, the time and what it did. */
  steps: z.array(
    z.object({ step: z.enum(DECOMMISSION_STEPS), at: timestampSchema, detail: z.string() }),
  ),
  /** Of the step under way, when its last try failed. */
  lastError: z.string().nullable(),
});
export type DecommissionView = z.infer<typeof decommissionViewSchema>;

export const deviceLifecycleSchema = z.object({
  deviceId: deviceIdSchema,
  lifecycle: z.enum(LIFECYCLE_STATES),
  /** States it may go to from here. */
  next: z.array(z.enum(LIFECYCLE_STATES)),
  items: z.array(lifecycleEntrySchema),
  decommission: decommissionViewSchema.nullable(),
});
export type DeviceLifecycle = z.infer<typeof deviceLifecycleSchema>;

export const bulkLifecycleResultSchema = z.object({
  changed: z.number().int(),
  /** Were in the state already. */
  unchanged: z.number().int(),
  refusedCount: z.number().int(),
  /** The first hundred of them. */
  refused: z.array(z.object({ deviceId: deviceIdSchema, detail: z.string() })),
});
export type BulkLifecycleResult = z.infer<typeof bulkLifecycleResultSchema>;

/** In the answer to a poll: the device hands in what it has, wipes itself, and says so. */
export const decommissionOrderSchema = z.object({
  /** `drain`: send what telemetry is left. `wipe`: remove firmware, data and keys. */
  order: z.enum(['drain', 'wipe']),
});
export type DecommissionOrder = z.infer<typeof decommissionOrderSchema>;

/** POST /device/v1/decommission: what of an order is done. */
export const decommissionReportSchema = z.strictObject({ done: z.enum(['drained', 'wiped']) });
export type DecommissionReport = z.infer<typeof decommissionReportSchema>;
