import type { FastifyInstance } from 'fastify';
import { garbageCollectionSchema, type GarbageReport } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import type { GarbageCollector } from './garbage-collector.ts';

/** Mount it below operator authentication. */
export function registerGarbageRoutes(app: FastifyInstance, collector: GarbageCollector): void {
  app.post('/api/v1/garbage-collections', async (request): Promise<GarbageReport> => {
    const { dryRun } = parseRequest(garbageCollectionSchema, request.body ?? {}, 'body');
    return collector.run({ dryRun });
  });
}
