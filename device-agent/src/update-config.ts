import { z } from 'zod';
import { parseWindows, WindowSyntaxError } from './update/domain/maintenance-window.ts';
import { DEFAULT_UPDATE_SETTINGS, probeOf, type UpdateSettings } from './update-settings.ts';

const defaults = DEFAULT_UPDATE_SETTINGS;
const count = z.coerce.number().int().positive();
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

const windows = z.string().transform((text, context) => {
  try {
    return parseWindows(text);
  } catch (error) {
    if (!(error instanceof WindowSyntaxError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const timeZone = z.string().refine((name) => {
  try {
    return Intl.DateTimeFormat(undefined, { timeZone: name }) !== null;
  } catch {
    // RangeError: the runtime knows no zone of that name.
    return false;
  }
}, 'is no time zone such as Europe/Berlin');

/** URLs and absolute paths of programs, separated by commas. */
const probes = z
  .string()
  .transform((list) => list.split(',').filter((entry) => entry !== ''))
  .pipe(
    z.array(
      z
        .string()
        .regex(/^(https?:\/\/|\/)/, 'is neither a URL nor a path')
        .transform(probeOf),
    ),
  );

/** The part of the agent's environment that says how it takes updates. */
export const updateEnvironment = {
  /** Bytes a second that a download may take; without it, all it gets. */
  FLOTILLA_DOWNLOAD_MAX_RATE: count.optional(),
  /** Bytes a second, over FLOTILLA_DOWNLOAD_FLOOR_MS of waiting, below which a download is cut. */
  FLOTILLA_DOWNLOAD_MIN_RATE: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(defaults.pace.minBytesPerSecond),
  FLOTILLA_DOWNLOAD_FLOOR_MS: count.default(defaults.pace.floorWindowMs),
  /** Of an image between two durable checkpoints, from which a restart goes on. */
  FLOTILLA_CHECKPOINT_BYTES: count.default(defaults.checkpointBytes),
  /** Largest full image that may follow a failed delta, where the deployment says nothing. */
  FLOTILLA_DELTA_FALLBACK_MAX_BYTES: z.coerce.number().int().nonnegative().default(0),
  /** Such as `Mon-Fri 22:00-05:00; Sat,Sun 00:00-24:00`; empty for always. */
  FLOTILLA_DOWNLOAD_WINDOWS: windows.default([]),
  /** When an update is written to its end and the device restarts into it. */
  FLOTILLA_INSTALL_WINDOWS: windows.default([]),
  /** Of both windows, an IANA name. */
  FLOTILLA_TIME_ZONE: timeZone.default('UTC'),
  /** Percent of charge below which a device waits unless it charges; 0 for none. */
  FLOTILLA_BATTERY_MIN_PERCENT: z.coerce.number().min(0).max(100).default(0),
  FLOTILLA_BATTERY_MUST_CHARGE: flag.default(false),
  FLOTILLA_POWER_SUPPLY_DIR: z.string().default(defaults.preconditions.powerSupplyFolder),
  /** Executables named after the turns of an update, see docs/device-updates.md. */
  FLOTILLA_HOOKS_DIR: z.string().min(1).optional(),
  FLOTILLA_HOOK_TIMEOUT_MS: count.default(defaults.hooks.timeoutMs),
  /** What must be well beside the firmware's own health path during a trial. */
  FLOTILLA_TRIAL_PROBES: probes.default([]),
  /** Resident memory of the firmware's processes together, during a trial. */
  FLOTILLA_TRIAL_MAX_RSS_BYTES: count.optional(),
  /** /dev/watchdog; petted during a trial, as long as nothing is wrong. */
  FLOTILLA_WATCHDOG: z.string().min(1).optional(),
};

type UpdateEnvironment = z.output<z.ZodObject<typeof updateEnvironment>>;

export function readUpdateSettings(config: UpdateEnvironment): UpdateSettings {
  return {
    pace: {
      maxBytesPerSecond: config.FLOTILLA_DOWNLOAD_MAX_RATE ?? null,
      minBytesPerSecond: config.FLOTILLA_DOWNLOAD_MIN_RATE,
      floorWindowMs: config.FLOTILLA_DOWNLOAD_FLOOR_MS,
    },
    checkpointBytes: config.FLOTILLA_CHECKPOINT_BYTES,
    deltaFallbackMaxBytes: config.FLOTILLA_DELTA_FALLBACK_MAX_BYTES,
    preconditions: {
      downloadWindows: config.FLOTILLA_DOWNLOAD_WINDOWS,
      installWindows: config.FLOTILLA_INSTALL_WINDOWS,
      timeZone: config.FLOTILLA_TIME_ZONE,
      battery: {
        minPercent: config.FLOTILLA_BATTERY_MIN_PERCENT,
        mustCharge: config.FLOTILLA_BATTERY_MUST_CHARGE,
      },
      powerSupplyFolder: config.FLOTILLA_POWER_SUPPLY_DIR,
    },
    hooks: {
      folder: config.FLOTILLA_HOOKS_DIR ?? null,
      timeoutMs: config.FLOTILLA_HOOK_TIMEOUT_MS,
    },
    probes: config.FLOTILLA_TRIAL_PROBES,
    trialMaxRssBytes: config.FLOTILLA_TRIAL_MAX_RSS_BYTES ?? null,
    watchdogPath: config.FLOTILLA_WATCHDOG ?? null,
  };
}
