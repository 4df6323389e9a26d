import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { campaignActionSchema, campaignCreateSchema, campaignIdSchema } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import { OPERATOR_ACTIONS } from './campaign-actions.ts';
import type { CampaignService } from './campaign-service.ts';

const pathSchema = z.object({ id: campaignIdSchema });

export interface CampaignRouteDeps {
  /** Written to the audit log as the one who acted. */
  readonly actor?: string;
}

/** The operator's side of campaigns; the caller has authenticated the request. */
export function registerCampaignRoutes(
  app: FastifyInstance,
  service: CampaignService,
  { actor = 'operator' }: CampaignRouteDeps = {},
): void {
  app.post('/api/v1/campaigns', async (request, reply) => {
    const body = parseRequest(campaignCreateSchema, request.body, 'body');
    const campaign = await service.create(body, actor);
    return reply.code(201).header('location', `/api/v1/campaigns/${campaign.id}`).send(campaign);
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
  for (const action of OPERATOR_ACTIONS) {
    app.post(`/api/v1/campaigns/:id/${action}`, async (request) => {
      const { id } = parseRequest(pathSchema, request.params, 'path');
      const { reason } = parseRequest(campaignActionSchema, request.body, 'body');
      return service.act(id, action, { actor, reason });
    });
  }
}
