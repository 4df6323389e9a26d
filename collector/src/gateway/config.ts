import { z } from 'zod';
import { configSchema as collectorSchema } from '../config.ts';

const names = z
  .string()
  .default('')
  .transform((text) => text.split(',').map((name) => name.trim()))
  .transform((list) => list.filter((name) => name !== ''));

const MIB = 1024 ** 2;
const bytes = z.coerce.number().int();

/** The gateway's environment variables; those of the collector's receivers come with them. */
export const configSchema = collectorSchema
  .omit({ FLOTILLA_EVENT_LOG: true, FLOTILLA_MAX_LOG_BYTES: true })
  .extend({
    /** Absolute path; journal and queue live here. */
    FLOTILLA_GATEWAY_DATA_DIR: z.string().startsWith('/', 'must be an absolute path'),
    /** Base URL of the collector to forward to; the OTLP paths are appended. */
    FLOTILLA_GATEWAY_COLLECTOR_URL: z.url(),
    /** File with the gateway's own device token. */
    FLOTILLA_GATEWAY_TOKEN_FILE: z.string(),
    /** PEM file of the authorities that the collector's certificate is checked with, in place of the system's. */
    FLOTILLA_GATEWAY_COLLECTOR_CA_FILE: z.string().optional(),
    /** PEM files of the gateway's own certificate and its key. Read again every minute. */
    FLOTILLA_GATEWAY_COLLECTOR_CERT_FILE: z.string().optional(),
    FLOTILLA_GATEWAY_COLLECTOR_KEY_FILE: z.string().optional(),
    FLOTILLA_GATEWAY_INTERVAL_MS: z.coerce.number().int().min(100).default(60_000),
    /** Point attributes to leave out, separated by commas. */
    FLOTILLA_GATEWAY_DROP_ATTRIBUTES: names,
    /** Series held at once, and about what they weigh in memory; beyond it an interval ends early. */
    FLOTILLA_GATEWAY_MAX_SERIES: z.coerce.number().int().min(1).default(100_000),
    FLOTILLA_GATEWAY_MAX_AGGREGATE_BYTES: bytes.min(1024).default(128 * MIB),
    /** What was received and not moved on yet; half of it also keeps what was, to know repeats by. */
    FLOTILLA_GATEWAY_JOURNAL_MAX_BYTES: bytes.min(4096).default(256 * MIB),
    FLOTILLA_GATEWAY_QUEUE_MAX_BYTES: bytes.min(1024).default(1024 * MIB),
    FLOTILLA_GATEWAY_QUEUE_MAX_AGE_MS: z.coerce
      .number()
      .int()
      .min(1000)
      .default(3 * 24 * 3_600_000),
    /** Health and metrics of the gateway itself. */
    FLOTILLA_GATEWAY_HTTP_HOST: z.string().default('127.0.0.1'),
    FLOTILLA_GATEWAY_HTTP_PORT: z.coerce.number().int().min(0).max(65_535).default(4319),
  });
export type GatewayConfig = z.output<typeof configSchema>;
