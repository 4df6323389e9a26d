import { z } from 'zod';
import { FIRMWARE_FORMATS, hardwareRevisionsSchema } from './firmware.ts';
import { firmwareIdSchema, nameSchema, timestampSchema, versionSchema } from './identifiers.ts';

const reasonSchema = z.string().trim().min(1).max(500);

/** PUT /api/v1/models/{model}: creates or changes it. */
export const modelPutSchema = z.strictObject({
  description: z.string().max(2000).default(''),
  /** Fixed once the model has firmware. */
  format: z.enum(FIRMWARE_FORMATS).default('tar'),
  /** When any are listed, firmware may name no others. */
  hardwareRevisions: hardwareRevisionsSchema.default([]),
});
export type ModelPut = z.infer<typeof modelPutSchema>;

export const modelViewSchema = z.object({
  name: nameSchema,
  description: z.string(),
  format: z.enum(FIRMWARE_FORMATS),
  hardwareRevisions: hardwareRevisionsSchema,
  /** No version below it is released, promoted or offered; it only rises. */
  floorVersion: versionSchema.nullable(),
  createdAt: timestampSchema,
  updatedAt: timestampSchema,
});
export type ModelView = z.infer<typeof modelViewSchema>;

/** PUT /api/v1/models/{model}/floor */
export const floorRaiseSchema = z.strictObject({ version: versionSchema, reason: reasonSchema });

/** PUT /api/v1/models/{model}/channels/{channel}: points it at a released firmware of the model. */
export const channelPromoteSchema = z.strictObject({
  firmwareId: firmwareIdSchema,
  reason: reasonSchema,
});

export const channelViewSchema = z.object({
  model: nameSchema,
  channel: nameSchema,
  /** Null after the firmware it pointed to was withdrawn. */
  firmwareId: firmwareIdSchema.nullable(),
  version: versionSchema.nullable(),
  updatedAt: timestampSchema,
});
export type ChannelView = z.infer<typeof channelViewSchema>;

/** One line of a channel's append-only history; the newest first in a list. */
export const promotionSchema = z.object({
  seq: z.number().int(),
  firmwareId: firmwareIdSchema.nullable(),
  version: versionSchema.nullable(),
  previousVersion: versionSchema.nullable(),
  /** `operator`, or `registry` when a withdrawal emptied the channel. */
  actor: z.string(),
  reason: z.string(),
  at: timestampSchema,
});
export type Promotion = z.infer<typeof promotionSchema>;
