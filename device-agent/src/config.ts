import { nameSchema } from '@flotilla/contracts';
import { z } from 'zod';
import { accessEnvironment, missingForAccess } from './access-config.ts';
import { imageEnvironment, missingForImages } from './image-config.ts';
import { updateEnvironment } from './update-config.ts';

const path = z.string().min(1);
const ratio = z.coerce.number().min(0).max(1);
const durationMs = z.coerce.number().int().positive();
const absolutePaths = z
  .string()
  .transform((list) => list.split(',').filter((entry) => entry !== ''))
  .pipe(z.array(z.string().startsWith('/')).max(16));

/** The agent's environment; times in milliseconds. */
const environmentSchema = z.object({
  ...accessEnvironment,
  /** Firmware made for certain revisions goes to devices that tell theirs. */
  FLOTILLA_HARDWARE_REVISION: nameSchema.optional(),
  /** Everything the agent keeps: slots, boot environment, journal, telemetry queue. */
  FLOTILLA_DEVICE_DIR: path,
  /** PEM file of the authorities that the collector's certificate is checked with, in place of the system's. */
  FLOTILLA_COLLECTOR_CA_FILE: path.optional(),
  /** PEM files of the device's own certificate and its key; both or none. Read again every minute. */
  FLOTILLA_COLLECTOR_CERT_FILE: path.optional(),
  FLOTILLA_COLLECTOR_KEY_FILE: path.optional(),
  /** Of the firmware that the agent runs; an image brings its own. */
  FLOTILLA_FIRMWARE_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  ...updateEnvironment,
  ...imageEnvironment,
  FLOTILLA_TRIAL_MS: durationMs.default(30_000),
  /** Boots that a new firmware gets before the old one returns. */
  FLOTILLA_TRIAL_BOOTS: z.coerce.number().int().min(1).max(255).default(3),
  /** Until ota-service names an interval of its own. */
  FLOTILLA_POLL_MS: durationMs.default(30_000),
  /** Serves the agent's own /metrics on the loopback interface; not at all when not given. */
  FLOTILLA_AGENT_METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  FLOTILLA_METRICS_INTERVAL_MS: durationMs.default(60_000),
  /** Mount points, separated by commas, to measure beside the file system of the device folder. */
  FLOTILLA_MOUNTS: absolutePaths.default([]),
  /** JSON file that names the log files and the journal to forward, see telemetry/logs/log-sources.ts. */
  FLOTILLA_LOG_SOURCES_FILE: path.optional(),
  FLOTILLA_LOG_POLL_MS: durationMs.default(1_000),
  /** Share of records kept before any rate; WARN and above have only the last bound below. */
  FLOTILLA_LOG_TRACE_RATIO: ratio.default(0.01),
  FLOTILLA_LOG_DEBUG_RATIO: ratio.default(0.1),
  FLOTILLA_LOG_INFO_RATIO: ratio.default(1),
  /** Records a second, below WARN, of one source and severity; five seconds' worth may come at once. */
  FLOTILLA_LOG_KEY_RATE: z.coerce.number().positive().default(20),
  /** Records a second, below WARN, of the whole device; holds in the canary window too. */
  FLOTILLA_LOG_MAX_RATE: z.coerce.number().positive().default(200),
  /** Records a second, WARN and above, of the whole device; twenty seconds' worth may come at once. */
  FLOTILLA_LOG_MAX_URGENT_RATE: z.coerce.number().positive().default(500),
  /** After an update's outcome logs are kept in full for so long; during its trial, an hour at most. */
  FLOTILLA_LOG_CANARY_MS: durationMs.default(1_800_000),
  /** What the agent itself may use; above it, it samples more and measures less often. */
  FLOTILLA_AGENT_MAX_RSS_BYTES: z.coerce.number().int().positive().default(268_435_456),
  /** Share of all processors, 0 to 1. */
  FLOTILLA_AGENT_MAX_CPU_SHARE: ratio.refine((share) => share > 0).default(0.25),
  /** Search path of the firmware process, which gets nothing else of this environment. */
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
});

export const configSchema = environmentSchema.superRefine((config, context) => {
  for (const key of missingForAccess(config)) {
    context.addIssue({ code: 'custom', path: [key], message: 'is needed' });
  }
  for (const key of missingForImages(config)) {
    context.addIssue({ code: 'custom', path: [key], message: 'is needed for image slots' });
  }
  if (config.FLOTILLA_SLOTS === 'directory' && config.FLOTILLA_FIRMWARE_PORT === undefined) {
    context.addIssue({
      code: 'custom',
      path: ['FLOTILLA_FIRMWARE_PORT'],
      message: 'is needed for the firmware that the agent runs',
    });
  }
  const pair = [config.FLOTILLA_COLLECTOR_CERT_FILE, config.FLOTILLA_COLLECTOR_KEY_FILE];
  if (pair.filter((file) => file !== undefined).length === 1) {
    context.addIssue({
      code: 'custom',
      path: ['FLOTILLA_COLLECTOR_CERT_FILE'],
      message: 'and FLOTILLA_COLLECTOR_KEY_FILE belong together',
    });
  }
  const hasTls = pair[0] !== undefined || config.FLOTILLA_COLLECTOR_CA_FILE !== undefined;
  if (hasTls && config.FLOTILLA_COLLECTOR_URL?.startsWith('https:') !== true) {
    context.addIssue({
      code: 'custom',
      path: ['FLOTILLA_COLLECTOR_URL'],
      message: 'must be https with a certificate or an authority of its own',
    });
  }
});
export type AgentConfig = z.output<typeof configSchema>;
