import { z } from 'zod';
import { campaignIdSchema, nameSchema, sha256Schema, versionSchema } from './identifiers.ts';
import { envelopeSchema } from './manifest.ts';

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
  manifest: envelopeSchema,
  /** The whole artifact, `encoding` undone by the device while it streams. */
  full: transferSchema.extend({ encoding: z.enum(['identity', 'zstd']) }),
  /** Present when a delta from `runningSha256` exists. */
  delta: transferSchema.extend({ codec: z.string(), baseSha256: sha256Schema }).nullable(),
});
export type Deployment = z.infer<typeof deploymentSchema>;

export const pollResponseSchema = z.object({
  /** A day at most: a wrong answer must not silence a device. */
  pollAfterMs: z.number().int().positive().max(86_400_000),
  deployment: deploymentSchema.nullable(),
});
export type PollResponse = z.infer<typeof pollResponseSchema>;
