import { z } from 'zod';
import { nameSchema, sha256Schema, timestampSchema, versionSchema } from './identifiers.ts';

/**
 * What the targets role signs about a firmware beside its digest and length: the member `flotilla` of
 * a TUF target's `custom` (TUF 1.0.31, 4.5). Strict, for a device must not ignore a rule it does not know.
 */
export const releaseSchema = z.strictObject({
  schemaVersion: z.literal(1),
  model: nameSchema,
  version: versionSchema,
  /** `tar`: a bundle for the `directory` slot backend; `image`: the raw bytes of a partition. */
  format: z.enum(['tar', 'image']),
  /** A device on a higher confirmed version refuses, unless this is true (anti-rollback). */
  allowDowngrade: z.boolean(),
  /** A device on a lower version needs another update first; null for no such rule. */
  minimumVersion: versionSchema.nullable(),
  /** Empty means all. */
  hardwareRevisions: z.array(nameSchema).max(100),
  createdAt: timestampSchema,
});
export type Release = z.infer<typeof releaseSchema>;

/** Where a release stands among the targets; versions may hold `+`, so this is a name and no URL. */
export function targetPath(model: string, version: string): string {
  return `${model}/${version}`;
}

export const targetPathSchema = z
  .string()
  .max(129)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*\/[0-9][0-9A-Za-z.+-]*$/,
    'must be a model, a slash, a version',
  );

/** One signed target, as we read it. */
export const firmwareTargetSchema = z.strictObject({
  path: targetPathSchema,
  /** Of the artifact itself, before any transport encoding. */
  sha256: sha256Schema,
  sizeBytes: z.number().int().positive(),
  release: releaseSchema,
});
export type FirmwareTarget = z.infer<typeof firmwareTargetSchema>;
