import type { BackOff } from './update/domain/retry-delay.ts';
import type { ImageSettings, UpdateSettings } from './update-settings.ts';

/** What one agent is told, environment aside. */
export interface AgentSettings {
  readonly deviceDir: string;
  readonly model: string;
  readonly hardwareRevision?: string;
  /** Null where a certificate says who this is. */
  readonly token: string | null;
  readonly otaUrl: string;
  /** Text of the root.json this device was provisioned with: the anchor of all it trusts. */
  readonly pinnedRoot: string;
  readonly firmwarePort: number;
  /** PATH of the firmware process. */
  readonly path: string;
  readonly trialMs: number;
  readonly trialBoots: number;
  readonly pollMs: number;
  readonly update: UpdateSettings;
  /** Null: bundles in folders, which the agent runs itself. */
  readonly image: ImageSettings | null;
  readonly tuning: AgentTuning;
}

/** Times that fit every device; tests shorten them. */
export interface AgentTuning {
  readonly requestTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly networkBackOff: BackOff;
  /** However soon a server asks for the next poll. */
  readonly minPollMs: number;
  readonly maxFruitlessTries: number;
  readonly restartBackOff: BackOff;
  readonly stableAfterMs: number;
  /** A new firmware gets this long to answer for the first time, or `trialMs` when that is longer. */
  readonly minStartMs: number;
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  readonly maxFailedProbes: number;
  readonly stopGraceMs: number;
}

export const DEFAULT_TUNING: AgentTuning = {
  requestTimeoutMs: 15_000,
  stallTimeoutMs: 30_000,
  networkBackOff: { baseMs: 500, maxMs: 60_000 },
  minPollMs: 500,
  maxFruitlessTries: 8,
  restartBackOff: { baseMs: 500, maxMs: 30_000 },
  stableAfterMs: 60_000,
  minStartMs: 10_000,
  probeIntervalMs: 5_000,
  probeTimeoutMs: 2_000,
  maxFailedProbes: 3,
  stopGraceMs: 3_000,
};
