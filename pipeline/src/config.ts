import { z } from 'zod';

const wholeNumber = z.coerce.number().int();
const port = wholeNumber.min(0).max(65_535);

/** Environment of the pipeline process; times in milliseconds, sizes in bytes. */
export const configSchema = z.object({
  /** `sqlite:/absolute/path/log.db` or `kafka://host:port/`. */
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
  /** A pipeline that gives no sign of life for so long loses its partitions to the others. */
  FLOTILLA_MEMBER_LEASE_MS: wholeNumber.min(1_000).max(300_000).default(10_000),
  FLOTILLA_BATCH_MAX_ROWS: wholeNumber.min(1).max(1_000_000).default(100_000),
  FLOTILLA_BATCH_MAX_BYTES: wholeNumber
    .min(1024)
    .max(256 * 1024 * 1024)
    .default(32 * 1024 * 1024),
  /** What ranges of all partitions together may take in memory while they wait or are being stored. */
  FLOTILLA_PREPARED_MAX_BYTES: wholeNumber.min(1024).default(128 * 1024 * 1024),
  /** Names of stored batches remembered to answer "surely new" without a query: 3 bytes per name. */
  FLOTILLA_NAME_FILTER_MAX_BYTES: wholeNumber.min(0).default(128 * 1024 * 1024),
  /** Dead letters a full log does not take; beside an embedded log when not given. */
  FLOTILLA_DEAD_LETTER_FOLDER: z.string().startsWith('/').optional(),
  /** How long the first record of a batch waits for others. */
  FLOTILLA_BATCH_MAX_AGE_MS: wholeNumber.min(0).max(60_000).default(200),
  FLOTILLA_HEALTH_INTERVAL_MS: wholeNumber.min(100).default(5_000),
  /** The interval at which devices are expected to send metrics. */
  FLOTILLA_HEARTBEAT_INTERVAL_MS: wholeNumber.min(100).default(10_000),
});
export type Config = z.output<typeof configSchema>;
