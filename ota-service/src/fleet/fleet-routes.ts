import type { FastifyInstance } from 'fastify';
import {
  deviceIdSchema,
  HEALTH_STATUSES,
  type DeviceLogs,
  type DeviceResources,
  type FleetSummary,
} from '@flotilla/contracts';
import { parseRequest, ProblemError, type Logger } from '@flotilla/service';
import { z } from 'zod';
import type { FleetSummaries } from './fleet-summaries.ts';
import type { FleetTelemetry } from './fleet-telemetry.ts';

export interface FleetRouteDeps {
  readonly summaries: FleetSummaries;
  readonly telemetry: FleetTelemetry;
  readonly clock: () => number;
  readonly logger: Logger;
}

const HOUR_MS = 3_600_000;
const pathSchema = z.strictObject({ id: deviceIdSchema });

export const fleetDevicesQuerySchema = z.strictObject({
  status: z.enum(HEALTH_STATUSES),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
});
export const deviceResourcesQuerySchema = z.strictObject({
  hours: z.coerce.number().int().min(1).max(168).default(6),
});
export const deviceLogsQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  minSeverity: z.coerce.number().int().min(0).max(24).default(0),
});

/** Points of a series at most. */
const STEPS = 120;

/** The fleet as a whole, and a device's telemetry; mount it below operator authentication. */
export function registerFleetRoutes(app: FastifyInstance, deps: FleetRouteDeps): void {
  const { summaries, telemetry, clock } = deps;
  app.get('/api/v1/fleet/summary', (): Promise<FleetSummary> => summaries.summary());

  app.get('/api/v1/fleet/devices', async (request) => {
    const { status, limit, offset } = parseRequest(fleetDevicesQuerySchema, request.query, 'query');
    return { items: await orUnavailable(deps, summaries.ofStatus(status, limit, offset)) };
  });

  app.get('/api/v1/devices/:id/resources', async (request): Promise<DeviceResources> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    const { hours } = parseRequest(deviceResourcesQuerySchema, request.query, 'query');
    const toMs = clock();
    const fromMs = toMs - hours * HOUR_MS;
    const stepMs = (hours * HOUR_MS) / STEPS;
    return {
      deviceId: id,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      stepMs,
      series: await orUnavailable(deps, telemetry.resources(id, fromMs, stepMs)),
    };
  });

  app.get('/api/v1/devices/:id/logs', async (request): Promise<DeviceLogs> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    const query = parseRequest(deviceLogsQuerySchema, request.query, 'query');
    const fromMs = clock() - 24 * HOUR_MS;
    return { items: await orUnavailable(deps, telemetry.logs(id, { ...query, fromMs })) };
  });
}

async function orUnavailable<T>({ logger }: FleetRouteDeps, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (err) {
    logger.warn({ err }, 'the warehouse gives no telemetry');
    throw new ProblemError('unavailable', { detail: 'the warehouse does not answer', cause: err });
  }
}
