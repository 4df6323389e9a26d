import { z } from 'zod';
import { campaignIdSchema } from './identifiers.ts';

/** Label of an alert that names the campaign to pause. */
export const LABEL_CAMPAIGN_ID = 'flotilla_campaign_id';

const textMapSchema = z.record(z.string().max(200), z.string().max(4000));

/** One alert as Alertmanager sends it; what it may add besides is ignored. */
export const webhookAlertSchema = z.object({
  status: z.enum(['firing', 'resolved']),
  labels: textMapSchema,
  annotations: textMapSchema.default({}),
  startsAt: z.iso.datetime({ offset: true }),
  /** Of the labels, by Alertmanager: the same for every repeat. */
  fingerprint: z.string().regex(/^[0-9a-f]{1,64}$/),
  generatorURL: z.string().max(4000).optional(),
});
export type WebhookAlert = z.infer<typeof webhookAlertSchema>;

/** POST /api/v1/alerts/webhook: Alertmanager's `webhook_config` body, version 4. */
export const alertWebhookSchema = z.object({
  version: z.literal('4'),
  alerts: z.array(webhookAlertSchema).max(1000),
});
export type AlertWebhook = z.infer<typeof alertWebhookSchema>;

/**
 * `paused`: by this alert, just now. `not_running`: there was nothing to pause. `repeated`: it was acted
 * on before, so an operator's resume stands. `stale`: it began before the campaign's round, or before a
 * newer one of its kind. `resolved` and `no_campaign` ask for nothing.
 */
export const ALERT_OUTCOMES = [
  'paused',
  'not_running',
  'repeated',
  'stale',
  'resolved',
  'no_campaign',
] as const;
export type AlertOutcome = (typeof ALERT_OUTCOMES)[number];

export const alertWebhookAnswerSchema = z.object({
  results: z.array(
    z.object({
      fingerprint: z.string(),
      alertname: z.string(),
      campaignId: campaignIdSchema.nullable(),
      outcome: z.enum(ALERT_OUTCOMES),
      /** For a person. */
      detail: z.string(),
    }),
  ),
});
export type AlertWebhookAnswer = z.infer<typeof alertWebhookAnswerSchema>;
