import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { isDatabaseUrl } from './db/database-url.ts';
import { identityEnvironment } from './identity-config.ts';

const GIB = 1024 ** 3;

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path');
const milliseconds = z.coerce.number().int().min(1);

/** The service's environment variables. */
export const configSchema = z.object({
  FLOTILLA_OTA_HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 takes any free port. */
  FLOTILLA_OTA_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** `sqlite:/absolute/file.db` for one process, `postgres://user@host/database` for any number. */
  FLOTILLA_DATABASE: z
    .string()
    .refine(
      isDatabaseUrl,
      'must look like sqlite:/absolute/file.db or postgres://user@host/database',
    ),
  /** Connections to PostgreSQL; of all replicas together not above its max_connections. */
  FLOTILLA_DATABASE_POOL_SIZE: z.coerce.number().int().min(2).default(10),
  FLOTILLA_DATABASE_STATEMENT_TIMEOUT_MS: milliseconds.default(30_000),
  FLOTILLA_ARTIFACTS_DIR: absolutePath,
  /** `sqlite:/absolute/log.db` */
  FLOTILLA_EVENT_LOG: z.string().min(1),
  FLOTILLA_CLICKHOUSE_URL: z.url({ protocol: /^https?$/ }),
  /** The root.json that devices are provisioned with; later versions come through the API. */
  FLOTILLA_TUF_ROOT_FILE: absolutePath,
  /** Folder of the PEM private keys that sign snapshot and timestamp; the root says which is which. */
  FLOTILLA_TUF_KEY_DIR: absolutePath,
  /** Both are signed anew after half of it. */
  FLOTILLA_TUF_SNAPSHOT_VALIDITY_MS: milliseconds.default(604_800_000),
  FLOTILLA_TUF_TIMESTAMP_VALIDITY_MS: milliseconds.default(86_400_000),
  /** PEM private key that signs device tokens; its public half checks them. */
  FLOTILLA_DEVICE_TOKEN_KEY_FILE: absolutePath,
  /** A token; or a line for each operator with a name, a blank and a token. */
  FLOTILLA_OPERATOR_TOKEN_FILE: absolutePath,
  /** A token for Alertmanager, which may only pause campaigns; without it there is no webhook. */
  FLOTILLA_ALERT_WEBHOOK_TOKEN_FILE: absolutePath.optional(),
  ...identityEnvironment,
  FLOTILLA_EVALUATION_INTERVAL_MS: milliseconds.default(1000),
  FLOTILLA_DEVICE_POLL_MS: milliseconds.default(30_000),
  /** How often the fleet is counted for /metrics. */
  FLOTILLA_FLEET_METRICS_INTERVAL_MS: milliseconds.default(15_000),
  /** Devices in breach of one signal that /metrics names at most. */
  FLOTILLA_BREACH_SERIES_LIMIT: z.coerce.number().int().min(0).max(10_000).default(200),
  /** The console's built files; without it there is no console here. */
  FLOTILLA_CONSOLE_DIR: absolutePath.optional(),
  /** Deltas computed at once in this process; by default as many as cores and memory allow. */
  FLOTILLA_DELTA_JOBS: z.coerce.number().int().min(1).max(64).optional(),
  FLOTILLA_MAX_ARTIFACT_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .default(4 * GIB),
});

export type OtaConfig = z.output<typeof configSchema>;
