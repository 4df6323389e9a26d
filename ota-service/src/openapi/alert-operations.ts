import { alertWebhookAnswerSchema, alertWebhookSchema } from '@flotilla/contracts';
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
];
