import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecommissionOrder } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import type { AgentSettings } from './agent-settings.ts';
import { openLoaderEnvironment } from './boot/loader-environment.ts';
import { writeThrough, type DurableStep } from './disk/durable-step.ts';
import { ProcessHost, type FirmwareHost } from './firmware/firmware-process.ts';
import { ImageHost } from './firmware/image-host.ts';
import type { FirmwarePidFile } from './firmware/orphan-firmware.ts';
import { Watchdog } from './firmware/watchdog.ts';
import { OtaClient } from './ota/ota-client.ts';
import { Poller } from './ota/poller.ts';
import { ReportOutbox } from './ota/report-outbox.ts';
import { DirectoryBackend } from './slots/directory-backend.ts';
import { ImageBackend } from './slots/image-backend.ts';
import type { SlotBackend } from './slots/slot-backend.ts';
import type { DeviceTelemetry } from './telemetry/device-telemetry.ts';
import { DeviceTrust } from './trust/device-trust.ts';
import { METADATA_PACE, MetadataFetcher } from './trust/metadata-fetcher.ts';
import { ArtifactDelivery } from './update/artifact-delivery.ts';
import { ArtifactTransfer } from './update/artifact-transfer.ts';
import { AttemptLedger } from './update/attempt-ledger.ts';
import { DownloadStage } from './update/download-stage.ts';
import { Hooks } from './update/hooks.ts';
import { Journal } from './update/journal.ts';
import { Preconditions } from './update/preconditions.ts';
import { UpdateHistory } from './update/update-history.ts';
import { UpdateReporter } from './update/update-reporter.ts';
import { UpdateWait } from './update/update-wait.ts';
import { Updater } from './update/updater.ts';
import { WayBack } from './update/way-back.ts';

/** A command that hangs is ended, and run again. */
const REBOOT_TIMEOUT_MS = 30_000;

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
  /** Instead of what the settings say. */
  readonly slots?: SlotBackend;
  /** Instead of the platform's, e.g. with a certificate. */
  readonly fetch?: typeof fetch;
  /** Told to leave; begins in the background. */
  readonly onDecommission?: (order: DecommissionOrder) => void;
  /** Instead of the command that restarts the machine. */
  readonly reboot?: () => Promise<void>;
}

export interface AgentParts {
  readonly slots: SlotBackend;
  readonly updater: Updater;
  readonly poller: Poller;
  readonly outbox: ReportOutbox;
  readonly host: FirmwareHost;
  readonly watchdog: Watchdog;
  /** Restarts the machine; only with image slots. */
  readonly reboot: () => Promise<void>;
}

/** Everything an agent is made of, opened on its folder. */
export async function assembleAgent(
  settings: AgentSettings,
  surroundings: AgentSurroundings,
  pidFile: FirmwarePidFile,
): Promise<AgentParts> {
  const { deviceDir, tuning, update } = settings;
  const { logger, now, random, step = writeThrough } = surroundings;
  const backOff = tuning.networkBackOff;
  const client = new OtaClient({
    baseUrl: settings.otaUrl,
    token: settings.token,
    requestTimeoutMs: tuning.requestTimeoutMs,
    now,
    ...(surroundings.fetch !== undefined && { fetch: surroundings.fetch }),
  });
  const { pollMs } = settings;
  const { minPollMs } = tuning;
  const poller = new Poller({ client, pollMs, minPollMs, backOff, random, logger });
  const outbox = await ReportOutbox.open({ deviceDir, client, backOff, random, step, logger });
  const slots = surroundings.slots ?? (await openSlots(settings, surroundings));
  const updater = await assembleUpdater(settings, surroundings, { client, poller, outbox, slots });
  const host = surroundings.host ?? (await openHost(settings, surroundings, pidFile));
  const watchdog = new Watchdog(update.watchdogPath, logger);
  const reboot = surroundings.reboot ?? (() => runReboot(settings, logger));
  return { slots, updater, poller, outbox, host, watchdog, reboot };
}

async function assembleUpdater(
  settings: AgentSettings,
  surroundings: AgentSurroundings,
  parts: Pick<AgentParts, 'poller' | 'outbox' | 'slots'> & { readonly client: OtaClient },
): Promise<Updater> {
  const { deviceDir, tuning, model, hardwareRevision = null, path, update } = settings;
  const { telemetry, logger, now, newId, step = writeThrough } = surroundings;
  const { client, poller, outbox, slots } = parts;
  const { stallTimeoutMs, maxFruitlessTries, networkBackOff: backOff } = tuning;
  const { pace, checkpointBytes, deltaFallbackMaxBytes } = update;
  const limits = { backOff, stallTimeoutMs, maxFruitlessTries, pace };
  const journal = await Journal.open(deviceDir, step, logger);
  const history = await UpdateHistory.open(deviceDir, step, logger);
  const reporter = new UpdateReporter(telemetry, outbox, logger);
  const wait = new UpdateWait({ reporter, telemetry, newId, now });
  const onPause = (isPausing: boolean) => wait.passing(isPausing ? 'backoff' : null);
  const transfer = new ArtifactTransfer({ ...surroundings, ...limits, deviceDir, client, onPause });
  const ledger = new AttemptLedger({ slots, journal, history, reporter, transfer, now, logger });
  const hooks = new Hooks({ ...update.hooks, path, telemetry, logger });
  const delivery = new ArtifactDelivery({ slots, transfer, ledger, checkpointBytes, logger });
  const preconditions = new Preconditions(update.preconditions, hooks, now);
  const download = { ledger, delivery, preconditions, reporter, wait, poller, now };
  return new Updater({
    model,
    hardwareRevision,
    format: slots.kind === 'image' ? 'image' : 'tar',
    trust: await openTrust(settings, surroundings, client),
    slots,
    ledger,
    history,
    reporter,
    delivery,
    download: new DownloadStage(download),
    hooks,
    wait,
    wayBack: new WayBack({ slots, ledger, history, newId, logger }),
    deltaFallbackMaxBytes,
    newId,
    now,
    logger,
  });
}

async function openTrust(
  settings: AgentSettings,
  surroundings: AgentSurroundings,
  client: OtaClient,
): Promise<DeviceTrust> {
  const { deviceDir, pinnedRoot, tuning } = settings;
  const { now, monotonicNow, logger, step = writeThrough } = surroundings;
  const fetcher = new MetadataFetcher({
    resolve: (path) => client.resolve(path),
    headers: () => client.authorization(),
    fetch: client.fetch,
    pace: { ...METADATA_PACE, graceMs: tuning.requestTimeoutMs },
    monotonicNow,
  });
  const fetchMetadata = fetcher.fetch.bind(fetcher);
  return DeviceTrust.open({ deviceDir, pinnedRoot, fetchMetadata, step, now, logger });
}

async function openSlots(
  settings: AgentSettings,
  { step = writeThrough, random, logger }: AgentSurroundings,
): Promise<SlotBackend> {
  const { deviceDir, trialBoots: tries, image } = settings;
  if (image === null) return DirectoryBackend.open({ deviceDir, tries, step, random, logger });
  const openEnvironment = () => openLoaderEnvironment(image.environment, tries, step);
  return ImageBackend.open({ ...image, deviceDir, tries, openEnvironment, step, logger });
}

async function openHost(
  settings: AgentSettings,
  { telemetry, monotonicNow }: AgentSurroundings,
  pidFile: FirmwarePidFile,
): Promise<FirmwareHost> {
  const { firmwarePort: port, path, tuning, image } = settings;
  const { stopGraceMs, probeTimeoutMs } = tuning;
  if (image !== null) return new ImageHost({ health: image.health, probeTimeoutMs, path });
  const dataDir = join(settings.deviceDir, 'firmware-data');
  await mkdir(dataDir, { recursive: true });
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

/** Whatever the command says: whether the machine restarts is seen by its restart. */
async function runReboot({ image, path }: AgentSettings, logger: Logger): Promise<void> {
  const [program, ...args] = image?.rebootCommand ?? [];
  if (program === undefined)
    throw new Error('image slots need a command that restarts the machine');
  const options = {
    env: { PATH: path },
    timeout: REBOOT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  } as const;
  await new Promise<void>((resolve) => {
    execFile(program, args, options, (error) => {
      if (error !== null) logger.error({ err: error }, 'the reboot command failed');
      resolve();
    });
  });
}
