import { z } from 'zod';
import { campaignIdSchema, nameSchema, sha256Schema, versionSchema } from './identifiers.ts';
import { decommissionOrderSchema } from './lifecycle.ts';
import { targetPathSchema } from './release.ts';

/** POST /device/v1/poll, by device token: what runs here, what may I do? */
export const pollRequestSchema = z.strictObject({
  runningVersion: versionSchema.nullable(),
  /** SHA-256 of the artifact in the running slot: the base a delta would need. */
  runningSha256: sha256Schema.nullable(),
  /** Of this device; one that does not tell is offered nothing that is for certain revisions only. */
  hardwareRevision: nameSchema.optional(),
  /** Codecs of deltas this device reads; one that does not tell reads DELTA_CODEC alone. */
  deltaCodecs: z.array(z.string().min(1).max(64)).max(16).optional(),
});
export type PollRequest = z.infer<typeof pollRequestSchema>;

/** A codec's name says format and major version; a device ignores a delta it cannot read. */
export const DELTA_CODEC = 'flotilla-delta-2';

export const transferSchema = z.object({
  /** Path on ota-service, below its base URL; answers Range requests. */
  path: z.string(),
  /** Of the bytes as served. */
  sha256: sha256Schema,
  sizeBytes: z.number().int().positive(),
});
export type Transfer = z.infer<typeof transferSchema>;

export const deploymentSchema = z.object({
  campaignId: campaignIdSchema,
  phase: z.number().int().min(1),
  round: z.number().int().min(1),
  /** The signed target; it alone says which bytes may be installed. What follows is how to get them. */
  target: targetPathSchema,
  /** The whole artifact, `encoding` undone by the device while it streams. */
  full: transferSchema.extend({ encoding: z.enum(['identity', 'zstd']) }),
  /** Present when a delta from `runningSha256` exists. */
  delta: transferSchema.extend({ codec: z.string(), baseSha256: sha256Schema }).nullable(),
  /** The full image may follow a delta that failed if it is no larger; without it the device's own bound holds. */
  deltaFallback: z.object({ maxBytes: z.number().int().nonnegative() }).optional(),
});
export type Deployment = z.infer<typeof deploymentSchema>;

/** A way back: the device returns to its other slot if `fromVersion` runs there now, else it does nothing. */
export const rollbackOrderSchema = z.object({
  campaignId: campaignIdSchema,
  phase: z.number().int().min(1),
  round: z.number().int().min(1),
  fromVersion: versionSchema,
});
export type RollbackOrder = z.infer<typeof rollbackOrderSchema>;

export const pollResponseSchema = z.object({
  /** A day at most: a wrong answer must not silence a device. */
  pollAfterMs: z.number().int().positive().max(86_400_000),
  deployment: deploymentSchema.nullable(),
  rollback: rollbackOrderSchema.nullish(),
  /** To a device that is retired; then there is nothing else in the answer. */
  decommission: decommissionOrderSchema.optional(),
});
export type PollResponse = z.infer<typeof pollResponseSchema>;
