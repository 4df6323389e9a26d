import { z } from 'zod';
import { timestampSchema } from './identifiers.ts';
import { listOf } from './lists.ts';

/** Labels of our alert rules (alerts/) that say what an alert is about. */
export const LABEL_ALERT_DEVICE = 'device';
export const LABEL_ALERT_CAMPAIGN = 'campaign';

/** An alert as Alertmanager last told it. */
export const alertViewSchema = z.object({
  fingerprint: z.string(),
  name: z.string(),
  status: z.enum(['firing', 'resolved']),
  /** `critical`, `warning`, or what rules of your own say. */
  severity: z.string(),
  /** What to tell a person; empty when the rule says nothing. */
  summary: z.string(),
  runbookUrl: z.string().nullable(),
  deviceId: z.string().nullable(),
  campaignId: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  startsAt: timestampSchema,
  /** When ota-service was last told; a firing alert is repeated every few hours. */
  toldAt: timestampSchema,
});
export type AlertView = z.infer<typeof alertViewSchema>;

/** GET /api/v1/alerts: firing ones first, the newest first. Without a status both. */
export const alertListQuerySchema = z.object({
  device: z.string().max(200).optional(),
  campaign: z.string().max(200).optional(),
  status: z.enum(['firing', 'resolved']).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});
export type AlertListQuery = z.infer<typeof alertListQuerySchema>;
export const alertListSchema = listOf(alertViewSchema);
