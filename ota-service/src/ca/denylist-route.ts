import type { FastifyInstance } from 'fastify';
import type { DenylistPage } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import { z } from 'zod';
import type { DenylistStore } from './denylist-store.ts';

export const denylistQuerySchema = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(5000),
});

/** For the services that check identities elsewhere; mount it below a token of its own. */
export function registerDenylistRoute(app: FastifyInstance, store: DenylistStore): void {
  app.get('/internal/v1/denylist', async (request, reply): Promise<DenylistPage> => {
    const { after, limit } = parseRequest(denylistQuerySchema, request.query, 'query');
    void reply.header('cache-control', 'no-store');
    return store.changesAfter(after, limit);
  });
}
