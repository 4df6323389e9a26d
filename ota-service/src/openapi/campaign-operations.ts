import {
  CAMPAIGN_ACTIONS,
  campaignActionSchema,
  campaignCreateSchema,
  campaignEventSchema,
  campaignIdSchema,
  campaignPlanSchema,
  campaignViewSchema,
  listOf,
} from '@flotilla/contracts';
import { dryRunQuerySchema } from '../campaigns/campaign-routes.ts';
import { json, ok, type Operation } from './operation.ts';

const TAG = 'Campaigns';
const common = { tag: TAG, caller: 'operator' } as const;
const one = { ...common, pathParameters: { id: campaignIdSchema } } as const;

export const CAMPAIGN_OPERATIONS: readonly Operation[] = [
  {
    ...common,
    id: 'createCampaign',
    method: 'post',
    path: '/api/v1/campaigns',
    summary: 'Roll a released firmware out in phases',
    body: json('CampaignCreate', campaignCreateSchema),
    answers: {
      201: {
        ...ok('Campaign', campaignViewSchema, 'The campaign, as it starts'),
        headers: { location: 'Where it is' },
      },
    },
    problems: ['not_found', 'conflict'],
  },
  {
    ...common,
    id: 'planCampaign',
    method: 'post',
    path: '/api/v1/campaigns/dry-run',
    summary: 'Who would get what and when, and who would not; changes nothing',
    query: dryRunQuerySchema,
    body: json('CampaignCreate', campaignCreateSchema),
    answers: { 200: ok('CampaignPlan', campaignPlanSchema) },
    problems: ['conflict'],
  },
  {
    ...common,
    id: 'listCampaigns',
    method: 'get',
    path: '/api/v1/campaigns',
    summary: 'All campaigns, the newest first',
    answers: { 200: ok('CampaignList', listOf(campaignViewSchema)) },
  },
  {
    ...one,
    id: 'getCampaign',
    method: 'get',
    path: '/api/v1/campaigns/{id}',
    summary: 'A campaign with the counts of its phases and the newest verdict',
    answers: { 200: ok('Campaign', campaignViewSchema) },
  },
  {
    ...one,
    id: 'listCampaignEvents',
    method: 'get',
    path: '/api/v1/campaigns/{id}/events',
    summary: 'Its append-only audit log',
    answers: { 200: ok('CampaignEventList', listOf(campaignEventSchema)) },
  },
  ...CAMPAIGN_ACTIONS.map((action): Operation => ({
    ...one,
    id: `${action.replace('-phase', 'PhaseOf')}Campaign`,
    method: 'post',
    path: `/api/v1/campaigns/{id}/${action}`,
    summary: `${action} it, with a reason for the audit log`,
    body: json('CampaignAction', campaignActionSchema),
    answers: { 200: ok('Campaign', campaignViewSchema) },
    problems: ['conflict'],
  })),
];
