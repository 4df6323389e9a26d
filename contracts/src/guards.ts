import { z } from 'zod';

/** What a guard compares, before and after the update, with devices that were not updated meanwhile. */
export const GUARD_METRICS = [
  'crashRate',
  'errorLogRate',
  'cpu',
  'memorySlope',
  'batteryDrain',
  'connectivity',
] as const;
export type GuardMetric = (typeof GUARD_METRICS)[number];

/** By how much a device may get worse, beyond what its control did; null watches it not. */
const limit = (value: number) => z.number().positive().nullable().default(value);

/**
 * `guards` of a campaign: the typical updated device must not get worse in any of these by more than its
 * limit. Each phase then waits until its devices ran the new version for skipMs and windowMs, and goes on
 * only when their telemetry is there. A signal that the fleet does not send is said not to be available.
 */
export const guardsSchema = z.strictObject({
  /** As long before the update as after it. */
  windowMs: z.number().int().min(1000).max(86_400_000).default(600_000),
  /** After the update before the second window begins: a start is no steady state. */
  skipMs: z.number().int().min(0).max(86_400_000).default(60_000),
  limits: z
    .strictObject({
      /** Crashes of the firmware per hour. */
      crashRate: limit(1),
      /** Error log records: so many times as many. */
      errorLogRate: limit(3),
      /** Percentage points of the processors. */
      cpu: limit(5),
      /** Percentage points of the memory per hour. */
      memorySlope: limit(2),
      /** Percentage points of the battery's charge per hour. */
      batteryDrain: limit(3),
      /** Percentage points of the window's tenths without any telemetry. */
      connectivity: limit(10),
    })
    .prefault({}),
});
export type Guards = z.infer<typeof guardsSchema>;
export type GuardsInput = z.input<typeof guardsSchema>;
