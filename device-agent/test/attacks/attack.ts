import type { Deployment, UpdateReason } from '@flotilla/contracts';
import type { TestRepository } from '@flotilla/trust/testing';
import type { AgentSettings } from '../../src/agent-settings.ts';
import { FAST_TUNING } from '../../src/testing/test-settings.ts';
import { DEFAULT_UPDATE_SETTINGS } from '../../src/update-settings.ts';
import type { AgentBench } from '../agent-bench.ts';

/** What an attack has to work with: a device that runs 1.1.0, and ota-service in the attacker's hands. */
export interface AttackWorld {
  readonly bench: AgentBench;
  readonly repository: TestRepository;
  /** The artifact that runs at first. */
  readonly base: Buffer;
  /** The honest artifact of 1.2.0. */
  readonly next: Buffer;
  /** Signs 1.2.0 and gives the deployment that offers it; `change` goes over its release. */
  readonly offer: (change?: object) => Deployment;
  /** The device meets newer metadata, and updates by it. */
  readonly seeMore: () => Promise<void>;
  /** Everybody's clock goes on by so much. */
  readonly wait: (ms: number) => void;
}

export interface Attack {
  readonly name: string;
  /** How far the attacker gets. */
  readonly stoppedAt: 'metadata' | 'target' | 'transfer' | 'slot';
  /** What the device reports; null for an attack that only holds the update up. */
  readonly reason: UpdateReason | null;
  readonly settings?: Partial<AgentSettings>;
  readonly strike: (world: AttackWorld) => Deployment | Promise<Deployment>;
}

export const SECOND = 'cmp_000000000002';

/** A device that has seen a slow line soon enough for a test. */
export const IMPATIENT: Partial<AgentSettings> = {
  tuning: { ...FAST_TUNING, requestTimeoutMs: 1_000 },
  update: {
    ...DEFAULT_UPDATE_SETTINGS,
    pace: { maxBytesPerSecond: null, minBytesPerSecond: 10_000, floorWindowMs: 150 },
  },
};
