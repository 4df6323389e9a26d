import { z } from 'zod';
import { deviceViewSchema } from './device.ts';
import { deviceIdSchema, nameSchema, timestampSchema } from './identifiers.ts';

const deviceCount = z.number().int().min(0);

/** GET /api/v1/fleet/summary: what a first look needs, of a fleet of any size. Retired devices do not count. */
export const fleetSummarySchema = z.object({
  devices: deviceCount,
  lifecycle: z.object({ provisioned: deviceCount, active: deviceCount, maintenance: deviceCount }),
  retired: deviceCount,
  /** Null when the warehouse does not answer. A device it says nothing of is unknown. */
  health: z
    .object({
      critical: deviceCount,
      degraded: deviceCount,
      unknown: deviceCount,
      healthy: deviceCount,
    })
    .nullable(),
  versions: z.array(z.object({ version: z.string().nullable(), devices: deviceCount })),
  models: z.array(z.object({ model: nameSchema, devices: deviceCount })),
  groups: z.array(
    z.object({
      group: nameSchema,
      devices: deviceCount,
      critical: deviceCount,
      degraded: deviceCount,
    }),
  ),
  /** False when more devices are critical or degraded than were put to their groups: the worst ones were. */
  groupsAreWhole: z.boolean(),
  /** The worst first, at most twenty. */
  worst: z.array(deviceViewSchema),
  computedAt: timestampSchema,
});
export type FleetSummary = z.infer<typeof fleetSummarySchema>;

export const RESOURCE_SIGNALS = ['cpu', 'memory', 'disk'] as const;
export type ResourceSignal = (typeof RESOURCE_SIGNALS)[number];

/** GET /api/v1/devices/{id}/resources: shares of 0 to 1 over time. */
export const deviceResourcesSchema = z.object({
  deviceId: deviceIdSchema,
  from: timestampSchema,
  to: timestampSchema,
  stepMs: z.number().int().min(1),
  series: z.array(
    z.object({
      signal: z.enum(RESOURCE_SIGNALS),
      points: z.array(z.object({ at: timestampSchema, value: z.number() })),
    }),
  ),
});
export type DeviceResources = z.infer<typeof deviceResourcesSchema>;

/** GET /api/v1/devices/{id}/logs: newest first. */
export const deviceLogsSchema = z.object({
  items: z.array(
    z.object({
      at: timestampSchema,
      /** OpenTelemetry's SeverityNumber, 0 (not told) to 24. */
      severity: z.number().int().min(0).max(24),
      severityText: z.string(),
      event: z.string(),
      body: z.string(),
    }),
  ),
});
export type DeviceLogs = z.infer<typeof deviceLogsSchema>;
