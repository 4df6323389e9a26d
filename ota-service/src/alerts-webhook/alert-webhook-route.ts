import type { FastifyInstance } from 'fastify';
import { alertWebhookSchema } from '@flotilla/contracts';
import { parseRequest } from '@flotilla/service';
import { requireToken } from '../http/require-token.ts';
import type { AlertIntake } from './alert-webhook.ts';

/** Alertmanager's way in, with a token that opens nothing else. */
export function registerAlertWebhook(
  app: FastifyInstance,
  intake: AlertIntake,
  token: string,
): void {
  app.addHook('onRequest', requireToken(token, 'the token of the alert webhook'));
  app.post('/api/v1/alerts/webhook', async (request) =>
    intake.take(parseRequest(alertWebhookSchema, request.body, 'body')),
  );
}
