import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import type { BootedSlot } from '../slots/slot-backend.ts';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import { retryDelayMs, type BackOff } from '../update/domain/retry-delay.ts';
import { exitWords } from './exit-words.ts';
import type { Firmware, FirmwareHost } from './firmware-process.ts';

export interface KeeperOptions {
  readonly host: FirmwareHost;
  readonly telemetry: DeviceTelemetry;
  readonly restartBackOff: BackOff;
  /** A firmware that ran this long starts its back-off anew. */
  readonly stableAfterMs: number;
  readonly probeIntervalMs: number;
  readonly random: () => number;
  readonly logger: Logger;
  /** Called once, with the first healthy probe. */
  readonly onHealthy: () => Promise<void>;
}

/** Keeps a confirmed firmware running: probes it, restarts it with back-off, counts its crashes. */
export class FirmwareKeeper {
  readonly #options: KeeperOptions;
  readonly #booted: BootedSlot;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #current: Firmware | null;
  #reportedHealthy = false;

  /** `running` is taken over when the firmware has been started already. */
  constructor(booted: BootedSlot, running: Firmware | null, options: KeeperOptions) {
    this.#booted = booted;
    this.#current = running;
    this.#options = options;
    this.#done = this.#run();
  }

  /** Rejects when keeping failed for good, e.g. because the disk did. */
  get done(): Promise<void> {
    return this.#done;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#current?.stop();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { host, telemetry, restartBackOff, stableAfterMs, random, logger } = this.#options;
    const { signal } = this.#stop;
    let crashes = 0;
    while (!signal.aborted) {
      const firmware = this.#current ?? host.start(this.#booted);
      this.#current = firmware;
      await this.#probeUntilExit(firmware);
      const exit = await firmware.exited;
      this.#current = null;
      telemetry.setFirmwareUp(false);
      if (exit.requested || signal.aborted) return;
      crashes = exit.uptimeMs >= stableAfterMs ? 1 : crashes + 1;
      const delayMs = retryDelayMs(crashes, restartBackOff, random());
      const { version } = this.#booted.content;
      const { exitCode, signal: by, uptimeMs } = exit;
      telemetry.recordFirmwareCrash({ version, exitCode, signal: by, uptimeMs });
      logger.warn({ version, how: exitWords(exit), restartInMs: delayMs }, 'firmware crashed');
      await abortableDelay(delayMs, signal);
    }
  }

  async #probeUntilExit(firmware: Firmware): Promise<void> {
    const ended = new AbortController();
    void firmware.exited.then(() => ended.abort());
    const sleep = AbortSignal.any([ended.signal, this.#stop.signal]);
    let intervalMs = Math.min(250, this.#options.probeIntervalMs);
    while (!sleep.aborted) {
      await abortableDelay(intervalMs, sleep);
      if (sleep.aborted) return;
      const healthy = await firmware.probe();
      if (sleep.aborted) return;
      this.#options.telemetry.setFirmwareUp(healthy);
      // Often until it is up for the first time, then at leisure.
      if (healthy) intervalMs = this.#options.probeIntervalMs;
      if (healthy && !this.#reportedHealthy) {
        this.#reportedHealthy = true;
        await this.#options.onHealthy();
      }
    }
  }
}
