import {
  alertListQuerySchema,
  alertListSchema,
  alertWebhookAnswerSchema,
  alertWebhookSchema,
} from '@flotilla/contracts';
import { json, ok, type Operation } from './operation.ts';

export const ALERT_OPERATIONS: readonly Operation[] = [
  {
    id: 'takeAlerts',
    tag: 'Campaigns',
    caller: 'alertmanager',
    method: 'post',
    path: '/api/v1/alerts/webhook',
    summary: "Alertmanager's webhook: pauses the campaigns that firing alerts name, and no more",
    body: json('AlertWebhook', alertWebhookSchema),
    answers: { 200: ok('AlertWebhookAnswer', alertWebhookAnswerSchema) },
  },
  {
    id: 'listAlerts',
    tag: 'Fleet',
    caller: 'operator',
    method: 'get',
    path: '/api/v1/alerts',
    summary: 'Alerts as Alertmanager last told them, of the fleet, a device or a campaign',
    query: alertListQuerySchema,
    answers: { 200: ok('AlertList', alertListSchema) },
  },
];
