import { abortableDelay } from './abortable-delay.ts';
import { assembleAgent, type AgentParts, type AgentSurroundings } from './agent-parts.ts';
import type { AgentSettings } from './agent-settings.ts';
import { FirmwareKeeper } from './firmware/firmware-keeper.ts';
import type { Firmware } from './firmware/firmware-process.ts';
import { FirmwarePidFile } from './firmware/orphan-firmware.ts';
import { runProbe } from './firmware/custom-probe.ts';
import { watchTrial, type TrialOptions } from './firmware/trial.ts';
import type { BootedSlot } from './slots/slot-backend.ts';

export type { AgentSurroundings } from './agent-parts.ts';

/** A machine takes a while to go down. */
const REBOOT_PATIENCE_MS = 60_000;

/** Boots firmware, keeps it running, and updates it, until it is stopped. */
export class DeviceAgent {
  readonly #settings: AgentSettings;
  readonly #surroundings: AgentSurroundings;
  readonly #parts: AgentParts;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  private constructor(settings: AgentSettings, surroundings: AgentSurroundings, parts: AgentParts) {
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.#parts = parts;
    this.#done = this.#run();
  }

  static async start(
    settings: AgentSettings,
    surroundings: AgentSurroundings,
  ): Promise<DeviceAgent> {
    const pidFile = new FirmwarePidFile(settings.deviceDir, surroundings.logger);
    await pidFile.endOrphan(settings.tuning.stopGraceMs);
    const parts = await assembleAgent(settings, surroundings, pidFile);
    return new DeviceAgent(settings, surroundings, parts);
  }

  /** Resolves after `stop`; rejects on a fault that a restart of the process may cure. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Ends the firmware too. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const sending = this.#parts.outbox.run(this.#stop.signal);
    const booting = this.#bootLoop();
    try {
      await Promise.race([booting, sending.then(() => new Promise<never>(() => {}))]);
    } finally {
      this.#stop.abort();
      // Nobody may open the folder anew while one of them still writes.
      await Promise.allSettled([booting, sending]);
    }
  }

  /** Asks for the restart again and again: until it comes, nothing else is left to do. */
  async #rebootMachine(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#parts.reboot();
      await abortableDelay(REBOOT_PATIENCE_MS, signal);
    }
  }

  /** Each turn is one boot, as after a power cycle. */
  async #bootLoop(): Promise<void> {
    const { slots, updater } = this.#parts;
    const { telemetry, logger } = this.#surroundings;
    const { signal } = this.#stop;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      // Another slot of an image takes a restart of the machine, which ends this agent.
      if (!isFirst && slots.kind === 'image') await this.#rebootMachine();
      if (signal.aborted) return;
      const boot = await slots.boot();
      if (boot.kind === 'unreadable') {
        logger.error({ slot: boot.slot, why: boot.why }, 'unreadable slot given up');
        await updater.slotUnreadable(boot.slot, boot.why);
        continue;
      }
      const booted = boot.kind === 'booted' ? boot.booted : null;
      await telemetry.setFirmwareVersion(booted?.content.version ?? null);
      const { slot = null, content } = booted ?? {};
      logger.info({ kind: boot.kind, slot, version: content?.version }, 'boot');
      const next = await updater.afterBoot(booted);
      if (next === 'reboot') continue;
      if (next === 'operate') {
        await this.#operate(booted, null);
        continue;
      }
      if (booted !== null) await this.#trial(booted);
    }
  }

  async #trial(booted: BootedSlot): Promise<void> {
    const { updater, host, watchdog, slots } = this.#parts;
    const { telemetry } = this.#surroundings;
    const firmware = host.start(booted);
    let isOver = false;
    try {
      const result = await watchTrial(firmware, this.#trialOptions(), this.#stop.signal);
      // A failed image keeps it armed: should the reboot hang, the watchdog does it.
      isOver = slots.kind === 'image' && result.kind === 'fail';
      if (!isOver) await watchdog.disarm();
      if (result.kind === 'pass') {
        await updater.trialPassed();
        await this.#operate(booted, firmware);
      } else if (result.kind === 'fail') {
        const { reason, detail } = result;
        if (reason === 'trial_crashed') await this.#recordCrash(firmware, booted);
        await updater.trialBootFailed({ reason, detail });
      }
    } finally {
      telemetry.setFirmwareUp(false);
      if (!isOver) await watchdog.disarm();
      await firmware.stop();
    }
  }

  #trialOptions(): TrialOptions {
    const { updater, watchdog } = this.#parts;
    const { telemetry, logger, monotonicNow } = this.#surroundings;
    const { trialMs, tuning, update, path } = this.#settings;
    const custom = update.probes.map((probe) => () => runProbe(probe, tuning.probeTimeoutMs, path));
    return {
      rules: {
        trialMs,
        startTimeoutMs: Math.max(trialMs, tuning.minStartMs),
        maxFailedProbes: tuning.maxFailedProbes,
        maxRssBytes: update.trialMaxRssBytes,
      },
      probeIntervalMs: Math.min(tuning.probeIntervalMs, Math.max(50, trialMs / 10)),
      probes: [...custom, () => updater.healthHook()],
      watchdog,
      telemetry,
      monotonicNow,
      logger,
    };
  }

  async #recordCrash(firmware: Firmware, booted: BootedSlot): Promise<void> {
    const { exitCode, signal, uptimeMs } = await firmware.exited;
    const { version } = booted.content;
    this.#surroundings.telemetry.recordFirmwareCrash({ version, exitCode, signal, uptimeMs });
  }

  /** Until a new slot is armed or the agent is stopped. Without firmware it only waits for some. */
  async #operate(booted: BootedSlot | null, running: Firmware | null): Promise<void> {
    const keeper = booted === null ? null : this.#keep(booted, running);
    try {
      await Promise.race([this.#pollLoop(), ...(keeper === null ? [] : [never(keeper.done)])]);
    } finally {
      await keeper?.stop();
    }
  }

  #keep(booted: BootedSlot, running: Firmware | null): FirmwareKeeper {
    const { slots, host } = this.#parts;
    const { telemetry, random, logger } = this.#surroundings;
    const { restartBackOff, stableAfterMs, probeIntervalMs } = this.#settings.tuning;
    return new FirmwareKeeper(booted, running, {
      host,
      telemetry,
      restartBackOff,
      stableAfterMs,
      probeIntervalMs,
      random,
      logger,
      onHealthy: () => slots.renewTries(booted.slot),
    });
  }

  async #pollLoop(): Promise<void> {
    const { updater, poller } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // First, because an earlier run may have left an update under way.
      if ((await updater.advance(signal)) === 'reboot') return;
      const response = await poller.poll(updater.pollRequest(), signal);
      if (response?.decommission !== undefined) {
        this.#surroundings.onDecommission?.(response.decommission);
      } else if (response !== null) {
        if ((await updater.answer(response, signal)) === 'reboot') return;
        if ((await updater.advance(signal)) === 'reboot') return;
      }
      await abortableDelay(Math.min(poller.delayMs, updater.waitMs() ?? Infinity), signal);
    }
  }
}

/** Only its failure matters. */
function never(promise: Promise<void>): Promise<never> {
  return promise.then(() => new Promise<never>(() => {}));
}
