import { z } from 'zod';
import { sha256Schema } from './identifiers.ts';

/** POST /api/v1/garbage-collections */
export const garbageCollectionSchema = z.strictObject({
  /** Tells what would go, and removes nothing. */
  dryRun: z.boolean().default(true),
});

export const GARBAGE_REASONS = ['withdrawn', 'delta_unused', 'unreferenced'] as const;
export type GarbageReason = (typeof GARBAGE_REASONS)[number];

export const garbageReportSchema = z.object({
  dryRun: z.boolean(),
  removed: z.array(
    z.object({
      sha256: sha256Schema,
      sizeBytes: z.number().int(),
      reason: z.enum(GARBAGE_REASONS),
    }),
  ),
  removedBytes: z.number().int(),
  /** Artifacts and deltas that stay. */
  keptCount: z.number().int(),
});
export type GarbageReport = z.infer<typeof garbageReportSchema>;
