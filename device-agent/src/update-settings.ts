import type { LoaderEnvironment } from './boot/loader-environment.ts';
import type { ProbeSpec } from './firmware/custom-probe.ts';
import type { SlotName } from './slots/domain/slot-state.ts';
import type { TransferPace } from './update/domain/transfer-pace.ts';
import type { PreconditionRules } from './update/preconditions.ts';

/** How an agent takes updates; the defaults fit a device on mains with a cheap line. */
export interface UpdateSettings {
  readonly pace: TransferPace;
  /** Bytes of an artifact between two durable checkpoints of its download. */
  readonly checkpointBytes: number;
  /** Largest full image that may follow a delta that failed, where the deployment says nothing. */
  readonly deltaFallbackMaxBytes: number;
  readonly preconditions: PreconditionRules;
  readonly hooks: { readonly folder: string | null; readonly timeoutMs: number };
  /** Beside the bundle's own health path. */
  readonly probes: readonly ProbeSpec[];
  /** Of the firmware's processes together, during its trial; null for no ceiling. */
  readonly trialMaxRssBytes: number | null;
  /** /dev/watchdog, or a file that is written instead; null for none. */
  readonly watchdogPath: string | null;
}

export const DEFAULT_UPDATE_SETTINGS: UpdateSettings = {
  pace: { maxBytesPerSecond: null, minBytesPerSecond: 256, floorWindowMs: 60_000 },
  checkpointBytes: 8 * 1024 * 1024,
  deltaFallbackMaxBytes: 0,
  preconditions: {
    downloadWindows: [],
    installWindows: [],
    timeZone: 'UTC',
    battery: { minPercent: 0, mustCharge: false },
    powerSupplyFolder: '/sys/class/power_supply',
  },
  hooks: { folder: null, timeoutMs: 60_000 },
  probes: [],
  trialMaxRssBytes: null,
  watchdogPath: null,
};

/** Of a device whose slots are partitions: the system that runs is the firmware. */
export interface ImageSettings {
  /** Partitions, or files of the size of one. */
  readonly devices: Readonly<Record<SlotName, string>>;
  /** As the boot loader said. */
  readonly booted: SlotName;
  readonly factoryVersion: string;
  readonly environment: LoaderEnvironment;
  /** Program and arguments. */
  readonly rebootCommand: readonly string[];
  /** Whether the booted system is up; null when it is as soon as the agent runs. */
  readonly health: ProbeSpec | null;
}

/** An absolute path is a program, everything else a URL. */
export function probeOf(text: string): ProbeSpec {
  return text.startsWith('/') ? { kind: 'command', program: text } : { kind: 'http', url: text };
}
