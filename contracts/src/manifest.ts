import { z } from 'zod';
import { nameSchema, sha256Schema, timestampSchema, versionSchema } from './identifiers.ts';

export const MANIFEST_PAYLOAD_TYPE = 'application/vnd.flotilla.manifest.v1+json';

/** What a release key signs: which bytes are which version for which model. */
export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  model: nameSchema,
  version: versionSchema,
  artifact: z.strictObject({
    /** Of the artifact itself, before any transport encoding. */
    sha256: sha256Schema,
    sizeBytes: z.number().int().positive(),
    format: z.enum(['tar', 'image']),
  }),
  /** A device on a higher confirmed version refuses, unless this is true (anti-rollback). */
  allowDowngrade: z.boolean().default(false),
  createdAt: timestampSchema,
});
export type Manifest = z.infer<typeof manifestSchema>;

/** DSSE envelope, JSON form (secure-systems-lab/dsse, envelope.md); `payload` and `sig` are base64. */
export const envelopeSchema = z.strictObject({
  payloadType: z.string(),
  payload: z.base64(),
  signatures: z.array(z.strictObject({ keyid: z.string(), sig: z.base64() })).min(1),
});
export type Envelope = z.infer<typeof envelopeSchema>;
