import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@flotilla/service';
import { abortableDelay } from './abortable-delay.ts';
import type { AgentSettings } from './agent-settings.ts';
import { writeThrough, type DurableStep } from './disk/durable-step.ts';
import { FirmwareKeeper } from './firmware/firmware-keeper.ts';
import { ProcessHost, type Firmware, type FirmwareHost } from './firmware/firmware-process.ts';
import { FirmwarePidFile } from './firmware/orphan-firmware.ts';
import { watchTrial } from './firmware/trial.ts';
import { OtaClient } from './ota/ota-client.ts';
import { Poller } from './ota/poller.ts';
import { ReportOutbox } from './ota/report-outbox.ts';
import { DirectoryBackend } from './slots/directory-backend.ts';
import type { BootedSlot, SlotBackend } from './slots/slot-backend.ts';
import type { DeviceTelemetry } from './telemetry/device-telemetry.ts';
import { ArtifactTransfer } from './update/artifact-transfer.ts';
import { Journal } from './update/journal.ts';
import { UpdateHistory } from './update/update-history.ts';
import { UpdateReporter } from './update/update-reporter.ts';
import { Updater } from './update/updater.ts';

/** What an agent takes from outside beside its settings. */
export interface AgentSurroundings {
  readonly telemetry: DeviceTelemetry;
  readonly logger: Logger;
  /** Ms since the epoch, for timestamps. */
  readonly now: () => number;
  /** Ms that no setting of the clock moves, for durations. */
  readonly monotonicNow: () => number;
  readonly random: () => number;
  readonly newId: () => string;
  readonly step?: DurableStep;
  /** Instead of real processes. */
  readonly host?: FirmwareHost;
}

interface AgentParts {
  readonly slots: SlotBackend;
  readonly updater: Updater;
  readonly poller: Poller;
  readonly outbox: ReportOutbox;
  readonly host: FirmwareHost;
}

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
    const pidFile = new FirmwarePidFile(settings.deviceDir);
    await pidFile.endOrphan(settings.tuning.stopGraceMs, surroundings.logger);
    const parts = await assemble(settings, surroundings, pidFile);
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

  /** Each turn is one boot, as after a power cycle. */
  async #bootLoop(): Promise<void> {
    const { slots, updater } = this.#parts;
    const { telemetry, logger } = this.#surroundings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
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
    const { updater, host } = this.#parts;
    const { telemetry, logger, monotonicNow } = this.#surroundings;
    const { trialMs, tuning } = this.#settings;
    const firmware = host.start(booted);
    try {
      const result = await watchTrial(
        firmware,
        {
          rules: {
            trialMs,
            startTimeoutMs: Math.max(trialMs, tuning.minStartMs),
            maxFailedProbes: tuning.maxFailedProbes,
          },
          probeIntervalMs: Math.min(tuning.probeIntervalMs, Math.max(50, trialMs / 10)),
          telemetry,
          monotonicNow,
          logger,
        },
        this.#stop.signal,
      );
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
      await firmware.stop();
    }
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
      if (response !== null && response.deployment !== null) {
        await updater.consider(response.deployment);
        if ((await updater.advance(signal)) === 'reboot') return;
      }
      await abortableDelay(poller.delayMs, signal);
    }
  }
}

/** Only its failure matters. */
function never(promise: Promise<void>): Promise<never> {
  return promise.then(() => new Promise<never>(() => {}));
}

async function assemble(
  settings: AgentSettings,
  surroundings: AgentSurroundings,
  pidFile: FirmwarePidFile,
): Promise<AgentParts> {
  const { deviceDir, tuning, model, trustedKeys } = settings;
  const { logger, now, random, newId, telemetry, step = writeThrough } = surroundings;
  const backOff = tuning.networkBackOff;
  const client = new OtaClient({
    baseUrl: settings.otaUrl,
    token: settings.token,
    requestTimeoutMs: tuning.requestTimeoutMs,
    now,
  });
  const poller = new Poller({ client, pollMs: settings.pollMs, backOff, random, logger });
  const outbox = await ReportOutbox.open({ deviceDir, client, backOff, random, step, logger });
  const slots = await DirectoryBackend.open({
    deviceDir,
    tries: settings.trialBoots,
    step,
    logger,
  });
  const { stallTimeoutMs, maxFruitlessTries } = tuning;
  const transfer = new ArtifactTransfer({
    deviceDir,
    client,
    backOff,
    stallTimeoutMs,
    maxFruitlessTries,
    random,
    now,
    logger,
  });
  const updater = new Updater({
    model,
    trustedKeys,
    slots,
    journal: await Journal.open(deviceDir, step, logger),
    history: await UpdateHistory.open(deviceDir, step, logger),
    reporter: new UpdateReporter(telemetry, outbox, logger),
    transfer,
    poll: (request, signal) => poller.pollUntilAnswered(request, signal),
    newId,
    now,
    logger,
  });
  const host = surroundings.host ?? (await processHost(settings, surroundings, pidFile));
  return { slots, updater, poller, outbox, host };
}

async function processHost(
  settings: AgentSettings,
  { telemetry, monotonicNow }: AgentSurroundings,
  pidFile: FirmwarePidFile,
): Promise<ProcessHost> {
  const dataDir = join(settings.deviceDir, 'firmware-data');
  await mkdir(dataDir, { recursive: true });
  const { firmwarePort: port, path, tuning } = settings;
  const { stopGraceMs, probeTimeoutMs } = tuning;
  return new ProcessHost({
    port,
    dataDir,
    path,
    stopGraceMs,
    probeTimeoutMs,
    pidFile,
    telemetry,
    monotonicNow,
  });
}
