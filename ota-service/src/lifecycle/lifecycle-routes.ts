import type { FastifyInstance } from 'fastify';
import {
  bulkLifecycleSchema,
  deviceIdSchema,
  lifecycleChangeSchema,
  type BulkLifecycleResult,
  type DeviceLifecycle,
} from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import { z } from 'zod';
import type { LifecycleService } from './lifecycle-service.ts';

const pathSchema = z.strictObject({ id: deviceIdSchema });

/** For operators; mount it below operator authentication. */
export function registerLifecycleRoutes(app: FastifyInstance, lifecycle: LifecycleService): void {
  app.get('/api/v1/devices/:id/lifecycle', async (request): Promise<DeviceLifecycle> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    return lifecycle.view(id);
  });

  app.post('/api/v1/devices/:id/lifecycle', async (request): Promise<DeviceLifecycle> => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    return lifecycle.change(id, parseRequest(lifecycleChangeSchema, request.body, 'body'));
  });

  app.post('/api/v1/devices/bulk-lifecycle', async (request): Promise<BulkLifecycleResult> => {
    return lifecycle.changeMany(parseRequest(bulkLifecycleSchema, request.body, 'body'));
  });
}
