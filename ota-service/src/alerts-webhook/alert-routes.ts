import type { FastifyInstance } from 'fastify';
import { alertListQuerySchema, type AlertView, type ListOf } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import type { AlertStates } from './alert-states.ts';

/** What fires, for people. */
export function registerAlertRoutes(app: FastifyInstance, states: AlertStates): void {
  app.get('/api/v1/alerts', async (request): Promise<ListOf<AlertView>> => {
    const query = parseRequest(alertListQuerySchema, request.query, 'query');
    return { items: await states.list(query) };
  });
}
