import { z } from 'zod';
import { HEALTH_STATUSES } from './health.ts';

/**
 * What other services may read from the warehouse, beside the OTel exporter's tables: views that the
 * pipeline creates and keeps. Column names follow the exporter's style.
 */
export const VIEW_UPDATE_EVENTS = 'flotilla_update_events';
export const VIEW_DEVICE_HEALTH_LATEST = 'flotilla_device_health_latest';
/** Columns: see pipeline/sql/health/device-signals-latest.sql. */
export const VIEW_DEVICE_SIGNALS_LATEST = 'flotilla_device_signals_latest';

/**
 * One row per report id, whichever way it came (agent's telemetry, direct report) and however often.
 * ReportId, CampaignId, DeviceId, State, Outcome, Reason, FromVersion, ToVersion: String ('' = none);
 * Phase, Round: UInt32; TransferBytes: UInt64; UsedDelta: UInt8; OccurredAt: DateTime64(9);
 * FromOta: UInt8, 1 when ota-service wrote the report itself, 0 when only a device says so.
 */
export const updateEventRowSchema = z.object({
  ReportId: z.string(),
  CampaignId: z.string(),
  DeviceId: z.string(),
  Phase: z.number(),
  Round: z.number(),
  State: z.string(),
  Outcome: z.string(),
  Reason: z.string(),
  OccurredAt: z.string(),
  FromOta: z.number(),
});
export type UpdateEventRow = z.infer<typeof updateEventRowSchema>;

/** One row per device: its newest computed health. ComputedAt is DateTime64(3, 'UTC'). */
export const deviceHealthRowSchema = z.object({
  DeviceId: z.string(),
  ComputedAt: z.string(),
  Score: z.number(),
  Confidence: z.number(),
  Status: z.enum(HEALTH_STATUSES),
  Contributions: z.record(z.string(), z.number()),
});
export type DeviceHealthRow = z.infer<typeof deviceHealthRowSchema>;
