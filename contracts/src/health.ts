import { z } from 'zod';
import { timestampSchema } from './identifiers.ts';

export const HEALTH_STATUSES = ['healthy', 'degraded', 'critical', 'unknown'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/**
 * Health of one device, computed in the warehouse: 100 times the product of capped penalties.
 * Contributions are the points each signal cost; they add up to 100 − score.
 */
export const deviceHealthSchema = z.object({
  score: z.number().min(0).max(100),
  /** 0 to 1: how much of the declared signals is fresh; below 0.5 the status is `unknown`. */
  confidence: z.number().min(0).max(1),
  status: z.enum(HEALTH_STATUSES),
  contributions: z.record(z.string(), z.number()),
  computedAt: timestampSchema,
});
export type DeviceHealth = z.infer<typeof deviceHealthSchema>;
