import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import {
  CAMPAIGN_ACTIONS,
  campaignActionSchema,
  campaignCreateSchema,
  campaignIdSchema,
} from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import { operatorBehind } from '../http/operator-auth.ts';
import type { CampaignService } from './campaign-service.ts';

const pathSchema = z.object({ id: campaignIdSchema });
export const dryRunQuerySchema = z.strictObject({
  /** Devices that each list names at most. */
  samples: z.coerce.number().int().min(0).max(10_000).default(100),
});

/** The operator's side of campaigns; the caller has authenticated the request. */
export function registerCampaignRoutes(app: FastifyInstance, service: CampaignService): void {
  app.post('/api/v1/campaigns', async (request, reply) => {
    const body = parseRequest(campaignCreateSchema, request.body, 'body');
    const campaign = await service.create(body, operatorBehind(request));
    return reply.code(201).header('location', `/api/v1/campaigns/${campaign.id}`).send(campaign);
  });
  app.post('/api/v1/campaigns/dry-run', async (request) => {
    const { samples } = parseRequest(dryRunQuerySchema, request.query, 'query');
    const body = parseRequest(campaignCreateSchema, request.body, 'body');
    return service.dryRun(body, samples);
  });
  app.get('/api/v1/campaigns', async () => ({ items: await service.list() }));
  app.get('/api/v1/campaigns/:id', async (request) => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    return service.get(id);
  });
  app.get('/api/v1/campaigns/:id/events', async (request) => {
    const { id } = parseRequest(pathSchema, request.params, 'path');
    return { items: await service.events(id) };
  });
  for (const action of CAMPAIGN_ACTIONS) {
    app.post(`/api/v1/campaigns/:id/${action}`, async (request) => {
      const { id } = parseRequest(pathSchema, request.params, 'path');
      const { reason } = parseRequest(campaignActionSchema, request.body, 'body');
      return service.act(id, action, { actor: operatorBehind(request), reason });
    });
  }
}
