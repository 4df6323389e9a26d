import { z } from 'zod';

/** The roles whose keys stay with people (TUF 1.0.31, 2.1): ota-service can only pass on what they sign. */
export const OFFLINE_ROLES = ['root', 'targets'] as const;
export type OfflineRole = (typeof OFFLINE_ROLES)[number];

/** A signed TUF document as JSON (TUF 1.0.31, 4.2); what is signed is its canonical form. */
export const tufDocumentSchema = z.strictObject({
  signatures: z.array(z.strictObject({ keyid: z.string(), sig: z.string() })).max(64),
  signed: z.looseObject({
    _type: z.string(),
    version: z.number().int().positive(),
    expires: z.string(),
  }),
});
export type TufDocument = z.infer<typeof tufDocumentSchema>;

/** GET /api/v1/tuf: what is published, and what waits for more signatures. */
export const trustViewSchema = z.object({
  root: tufDocumentSchema,
  /** Null before the first release. */
  targets: tufDocumentSchema.nullable(),
  staged: z.object({
    root: tufDocumentSchema.nullable(),
    targets: tufDocumentSchema.nullable(),
  }),
});
export type TrustView = z.infer<typeof trustViewSchema>;
