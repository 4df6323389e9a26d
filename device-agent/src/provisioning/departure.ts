import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecommissionOrder } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { z } from 'zod';
import { abortableDelay } from '../abortable-delay.ts';
import { readJsonFile, writeFileDurably } from '../disk/durable-file.ts';
import { retryDelayMs, type BackOff } from '../update/domain/retry-delay.ts';

const MARKER = 'departure.json';
/** What goes last: who the device is, and the mark that it is leaving. The lock is held by this process. */
const KEPT = new Set([
  MARKER,
  'identity',
  'lock.db',
  'lock.db-journal',
  'owner.pid',
  'device.token',
]);
const BACK_OFF: BackOff = { baseMs: 1000, maxMs: 60_000 };
/** Whoever cannot be reached for so long is not waited for: the keys go all the same. */
const MAX_REPORT_TRIES = 30;

const markerSchema = z.object({ stage: z.enum(['wiping', 'wiped']) });
export type DepartureStage = z.output<typeof markerSchema>['stage'];

export interface DepartureOptions {
  readonly deviceDir: string;
  /** True once the server took it, or does not want to hear of it. */
  readonly report: (done: 'drained' | 'wiped', signal: AbortSignal) => Promise<boolean>;
  /** Sends telemetry; true when none is left. */
  readonly drain: () => Promise<boolean>;
  /** Firmware, updates, telemetry: nothing of the agent writes any more when it resolves. */
  readonly stopAgent: () => Promise<void>;
  /** Certificate, device key, claim key, token. */
  readonly removeCredentials: () => Promise<void>;
  readonly random: () => number;
  readonly logger: Logger;
  readonly backOff?: BackOff;
}

/** How far a wipe had come that an earlier run of the agent began; null when none did. */
export async function departureStage(deviceDir: string): Promise<DepartureStage | null> {
  return (await readJsonFile(join(deviceDir, MARKER), markerSchema))?.stage ?? null;
}

/**
 * A device on its way out. A wipe is marked on disk before it begins, so that a power cut does not end
 * it half done; what the device proves itself with goes last, once the server knows.
 */
export class Departure {
  readonly #options: DepartureOptions;
  readonly #stop = new AbortController();
  #work: Promise<void> | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** Begins in the background; an order that is being followed is not begun again. */
  take({ order }: DecommissionOrder): void {
    const { logger } = this.#options;
    this.#work ??= (order === 'wipe' ? this.wipe() : this.#drain())
      .catch((err: unknown) => logger.error({ err, order }, 'the order to leave failed'))
      .finally(() => (this.#work = undefined));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  /** Also goes on with one that was cut off. */
  async wipe(): Promise<void> {
    const { deviceDir, stopAgent, removeCredentials, logger } = this.#options;
    logger.warn('this device is decommissioned and wipes itself');
    await this.#mark('wiping');
    await stopAgent();
    for (const name of await readdir(deviceDir)) {
      if (!KEPT.has(name)) await rm(join(deviceDir, name), { recursive: true, force: true });
    }
    await this.#report('wiped');
    if (this.#stop.signal.aborted) return;
    await removeCredentials();
    await this.#mark('wiped');
    logger.warn('this device is wiped');
  }

  async #drain(): Promise<void> {
    if (await this.#options.drain()) await this.#report('drained');
  }

  async #report(done: 'drained' | 'wiped'): Promise<void> {
    const { report, random, backOff = BACK_OFF } = this.#options;
    const { signal } = this.#stop;
    for (let tries = 1; tries <= MAX_REPORT_TRIES && !signal.aborted; tries += 1) {
      if (await report(done, signal)) return;
      await abortableDelay(retryDelayMs(tries, backOff, random()), signal);
    }
  }

  #mark(stage: DepartureStage): Promise<void> {
    return writeFileDurably(join(this.#options.deviceDir, MARKER), JSON.stringify({ stage }));
  }
}
