import { z } from 'zod';
import {
  firmwareIdSchema,
  nameSchema,
  sha256Schema,
  timestampSchema,
  versionSchema,
} from './identifiers.ts';
import { firmwareTargetSchema } from './release.ts';

/** A draft waits for its signature; what is withdrawn is offered to nobody and downloaded by nobody. */
export const FIRMWARE_STATES = ['draft', 'released', 'withdrawn'] as const;
export type FirmwareState = (typeof FIRMWARE_STATES)[number];

/** `tar`: a bundle for the `directory` slot backend; `image`: the raw bytes of a partition. */
export const FIRMWARE_FORMATS = ['tar', 'image'] as const;
export type FirmwareFormat = (typeof FIRMWARE_FORMATS)[number];

/** Names of hardware revisions, e.g. `rev-b`; an empty list means all. */
export const hardwareRevisionsSchema = z.array(nameSchema).max(100);

/** Comma-separated in a query or in the metadata of an upload. */
const hardwareRevisionListSchema = z
  .string()
  .transform((text) => (text === '' ? [] : [...new Set(text.split(','))]))
  .pipe(hardwareRevisionsSchema);

/**
 * Query of POST /api/v1/firmware, whose body is the artifact, application/octet-stream; and the
 * `Upload-Metadata` of a resumable upload.
 */
export const firmwareUploadQuerySchema = z.strictObject({
  model: nameSchema,
  version: versionSchema,
  /** Optional: the upload is refused when its bytes do not have this digest. */
  sha256: sha256Schema.optional(),
  allowDowngrade: z.enum(['true', 'false']).default('false'),
  /** Of the model's one format. A model nobody declared gets the format of its first upload. */
  format: z.enum(FIRMWARE_FORMATS).default('tar'),
  /** Devices on an older version need another update first. */
  minimumVersion: versionSchema.optional(),
  hardwareRevisions: hardwareRevisionListSchema.default([]),
});
export type FirmwareUploadQuery = z.infer<typeof firmwareUploadQuerySchema>;

export const DELTA_STATES = ['pending', 'ready', 'failed', 'not_worthwhile'] as const;

export const deltaViewSchema = z.object({
  baseVersion: versionSchema,
  baseSha256: sha256Schema,
  state: z.enum(DELTA_STATES),
  sizeBytes: z.number().int().nullable(),
  sha256: sha256Schema.nullable(),
  codec: z.string(),
  detail: z.string().nullable(),
});
export type DeltaView = z.infer<typeof deltaViewSchema>;

export const firmwareViewSchema = z.object({
  id: firmwareIdSchema,
  model: nameSchema,
  version: versionSchema,
  state: z.enum(FIRMWARE_STATES),
  sha256: sha256Schema,
  sizeBytes: z.number().int(),
  /** Bytes of the whole artifact as it is served (compressed when that is smaller). */
  fullTransferBytes: z.number().int(),
  /** What the publisher puts among the targets and signs. */
  target: firmwareTargetSchema,
  format: z.enum(FIRMWARE_FORMATS),
  allowDowngrade: z.boolean(),
  minimumVersion: versionSchema.nullable(),
  hardwareRevisions: hardwareRevisionsSchema,
  /** Markdown; may be edited at any time, for nobody signs it. */
  releaseNotes: z.string(),
  /** Channels of the model that point here, by name. */
  channels: z.array(nameSchema),
  createdAt: timestampSchema,
  releasedAt: timestampSchema.nullable(),
  withdrawnAt: timestampSchema.nullable(),
  withdrawalReason: z.string().nullable(),
  deltas: z.array(deltaViewSchema),
});
export type FirmwareView = z.infer<typeof firmwareViewSchema>;

/** PUT /api/v1/firmware/{id}/withdrawal */
export const withdrawalSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });

/** PUT /api/v1/firmware/{id}/release-notes */
export const releaseNotesSchema = z.strictObject({ releaseNotes: z.string().max(65_536) });
