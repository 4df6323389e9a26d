import { z } from 'zod';
import {
  firmwareIdSchema,
  nameSchema,
  sha256Schema,
  timestampSchema,
  versionSchema,
} from './identifiers.ts';
import { manifestSchema } from './manifest.ts';

export const FIRMWARE_STATES = ['draft', 'released'] as const;
export type FirmwareState = (typeof FIRMWARE_STATES)[number];

/** Query of POST /api/v1/firmware; the body is the artifact, application/octet-stream. */
export const firmwareUploadQuerySchema = z.strictObject({
  model: nameSchema,
  version: versionSchema,
  /** Optional: the upload is refused when its bytes do not have this digest. */
  sha256: sha256Schema.optional(),
  allowDowngrade: z.enum(['true', 'false']).default('false'),
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
  /** What the publisher signs: canonical JSON of this object is the DSSE payload. */
  manifest: manifestSchema,
  createdAt: timestampSchema,
  deltas: z.array(deltaViewSchema),
});
export type FirmwareView = z.infer<typeof firmwareViewSchema>;
