import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { deviceIdSchema, deviceLabelsSchema, type DeviceLabels } from '@flotilla/contracts';
import { parseRequest, ProblemError } from '@flotilla/service';
import type { LabelStore } from './label-store.ts';

const pathSchema = z.strictObject({ id: deviceIdSchema });
const PATH = '/api/v1/devices/:id/labels';

/**
 * Labels for operators; mount it below operator authentication. A change reaches the campaigns at the
 * device's next look into the registry, some minutes later at most.
 */
export function registerLabelRoutes(app: FastifyInstance, store: LabelStore): void {
  app.get(PATH, async (request): Promise<DeviceLabels> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    if (await store.isDevice(id)) return { labels: await store.of(id) };
    throw noDevice(id);
  });

  app.put(PATH, async (request): Promise<DeviceLabels> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    const { labels } = parseRequest(deviceLabelsSchema, request.body, 'body');
    if (await store.put(id, labels)) return { labels: await store.of(id) };
    throw noDevice(id);
  });
}

function noDevice(id: string): ProblemError {
  return new ProblemError('not_found', { detail: `no device ${id}` });
}
