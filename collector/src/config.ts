import { z } from 'zod';

/** The collector's environment variables. */
export const configSchema = z.object({
  FLOTILLA_COLLECTOR_HOST: z.string().default('127.0.0.1'),
  /** 4318 is OTLP/HTTP's registered port; 0 takes any free one. */
  FLOTILLA_COLLECTOR_PORT: z.coerce.number().int().min(0).max(65_535).default(4318),
  /** Where the telemetry log is: sqlite:/absolute/path/log.db */
  FLOTILLA_EVENT_LOG: z.string(),
  /** PEM file of the Ed25519 key that device tokens are checked with. */
  FLOTILLA_DEVICE_TOKEN_PUBLIC_KEY_FILE: z.string(),
  /** Largest request, counted after decompression. */
  FLOTILLA_MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .default(4 * 1024 * 1024),
  FLOTILLA_MAX_LOG_BYTES: z.coerce.number().int().min(4096).optional(),
  /** Requests per second a device may send on average … */
  FLOTILLA_RATE_PER_DEVICE: z.coerce.number().positive().default(20),
  /** … and at once after a pause, as when it comes back from being offline. */
  FLOTILLA_RATE_BURST_PER_DEVICE: z.coerce.number().int().min(1).default(200),
});
export type Config = z.output<typeof configSchema>;
