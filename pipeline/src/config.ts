import { z } from 'zod';

const wholeNumber = z.coerce.number().int();
const port = wholeNumber.min(0).max(65_535);

/** Environment of the pipeline process; times in milliseconds, sizes in bytes. */
export const configSchema = z.object({
  /** `sqlite:/absolute/path/log.db`. */
  FLOTILLA_EVENT_LOG: z.string().min(1),
  /** `chdb:/absolute/folder` or `http://user:password@host:8123/database`. */
  FLOTILLA_WAREHOUSE: z
    .string()
    .regex(/^(chdb:\/|https?:\/\/)/, 'must be chdb:/absolute/folder or http://host:8123/database'),
  /** Health and metrics. */
  FLOTILLA_PIPELINE_HOST: z.string().default('127.0.0.1'),
  FLOTILLA_PIPELINE_PORT: port.default(0),
  /** The read-only query endpoint of the embedded warehouse; always on the loopback interface. */
  FLOTILLA_WAREHOUSE_HTTP_PORT: port.default(8123),
  FLOTILLA_BATCH_MAX_ROWS: wholeNumber.min(1).max(1_000_000).default(100_000),
  FLOTILLA_BATCH_MAX_BYTES: wholeNumber
    .min(1024)
    .max(256 * 1024 * 1024)
    .default(32 * 1024 * 1024),
  /** How long the first record of a batch waits for others. */
  FLOTILLA_BATCH_MAX_AGE_MS: wholeNumber.min(0).max(60_000).default(200),
  FLOTILLA_HEALTH_INTERVAL_MS: wholeNumber.min(100).default(5_000),
  /** The interval at which devices are expected to send metrics. */
  FLOTILLA_HEARTBEAT_INTERVAL_MS: wholeNumber.min(100).default(10_000),
});
export type Config = z.output<typeof configSchema>;
