import { deviceIdSchema, nameSchema } from '@flotilla/contracts';
import { z } from 'zod';

const path = z.string().min(1);
const httpUrl = z.url({ protocol: /^https?$/ });
const durationMs = z.coerce.number().int().positive();

/** The agent's environment; times in milliseconds. */
export const configSchema = z.object({
  FLOTILLA_DEVICE_ID: deviceIdSchema,
  FLOTILLA_DEVICE_MODEL: nameSchema,
  /** Everything the agent keeps: slots, boot environment, journal, telemetry queue. */
  FLOTILLA_DEVICE_DIR: path,
  FLOTILLA_DEVICE_TOKEN_FILE: path,
  FLOTILLA_OTA_URL: httpUrl,
  FLOTILLA_COLLECTOR_URL: httpUrl,
  /** One or more PEM Ed25519 public keys, one after another. */
  FLOTILLA_RELEASE_KEY_FILE: path,
  FLOTILLA_FIRMWARE_PORT: z.coerce.number().int().min(1).max(65_535),
  FLOTILLA_TRIAL_MS: durationMs.default(30_000),
  /** Boots that a new firmware gets before the old one returns. */
  FLOTILLA_TRIAL_BOOTS: z.coerce.number().int().min(1).max(255).default(3),
  /** Until ota-service names an interval of its own. */
  FLOTILLA_POLL_MS: durationMs.default(30_000),
  FLOTILLA_METRICS_INTERVAL_MS: durationMs.default(60_000),
  /** Search path of the firmware process, which gets nothing else of this environment. */
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
});
export type AgentConfig = z.output<typeof configSchema>;
