import { z } from 'zod';
import {
  deviceIdSchema,
  devicePatternSchema,
  firmwareIdSchema,
  nameSchema,
  timestampSchema,
} from './identifiers.ts';
import { deviceHealthSchema } from './health.ts';
import { updateRecordSchema } from './update-report.ts';

export const LIFECYCLE_STATES = ['provisioned', 'active', 'maintenance', 'retired'] as const;
export type LifecycleState = (typeof LIFECYCLE_STATES)[number];

/** POST /api/v1/devices */
export const deviceCreateSchema = z.strictObject({
  id: deviceIdSchema,
  model: nameSchema,
  group: nameSchema.default('default'),
  /** Makes it an edge gateway, whose token may send the telemetry of these devices as well. */
  gatewayFor: z.array(devicePatternSchema).min(1).max(1000).optional(),
});
export type DeviceCreate = z.infer<typeof deviceCreateSchema>;

/** A row of GET /api/v1/devices. Health is null when the warehouse did not answer. */
export const deviceViewSchema = z.object({
  id: deviceIdSchema,
  model: nameSchema,
  group: nameSchema,
  lifecycle: z.enum(LIFECYCLE_STATES),
  /** Version of the running slot as last reported; null before the first firmware. */
  firmwareVersion: z.string().nullable(),
  createdAt: timestampSchema,
  lastSeenAt: timestampSchema.nullable(),
  health: deviceHealthSchema.nullable(),
  /** The newest report, with its reason when the update failed. */
  lastUpdate: updateRecordSchema.nullable(),
});
export type DeviceView = z.infer<typeof deviceViewSchema>;

export const WITHHELD_REASONS = [
  'withdrawn',
  'below_floor',
  'hardware_unknown',
  'hardware_mismatch',
  'minimum_version_unmet',
] as const;
export type WithheldReason = (typeof WITHHELD_REASONS)[number];

/** A version that a campaign would offer and this device must not get. */
export const withheldOfferSchema = z.object({
  firmwareId: firmwareIdSchema,
  version: z.string(),
  reason: z.enum(WITHHELD_REASONS),
  /** For a person: "runs 1.0.0, needs 1.2.0 first". */
  detail: z.string(),
  since: timestampSchema,
});
export type WithheldOffer = z.infer<typeof withheldOfferSchema>;

/** GET /api/v1/devices/{id}: newest update first. */
export const deviceDetailSchema = deviceViewSchema.extend({
  updates: z.array(updateRecordSchema),
  /** As last told in a poll. */
  hardwareRevision: z.string().nullable(),
  /** The newest firmware a campaign had for this device and the registry held back, and why. */
  withheld: withheldOfferSchema.nullable(),
});
export type DeviceDetail = z.infer<typeof deviceDetailSchema>;

/** 201 of POST /api/v1/devices: the token is shown once and never stored. */
export const deviceCreatedSchema = z.object({ device: deviceViewSchema, token: z.string() });
export type DeviceCreated = z.infer<typeof deviceCreatedSchema>;
