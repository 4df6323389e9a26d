import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  FolderLock,
  loadConfig,
  runService,
  type Logger,
  type RunningService,
} from '@flotilla/service';
import { DEFAULT_TUNING, type AgentSettings } from './agent-settings.ts';
import { configSchema, type AgentConfig } from './config.ts';
import { openAccess, type DeviceAccess } from './device-access.ts';
import { DeviceAgent } from './device-agent.ts';
import { readImageSettings } from './image-config.ts';
import { openDeparture } from './open-departure.ts';
import { departureStage, type Departure } from './provisioning/departure.ts';
import {
  createDeviceTelemetry,
  DEFAULT_CANARY,
  type DeviceTelemetryOptions,
} from './telemetry/create-device-telemetry.ts';
import type { DeviceTelemetry } from './telemetry/device-telemetry.ts';
import { LocalMetrics } from './telemetry/local-metrics.ts';
import { readLogSources } from './telemetry/logs/log-sources.ts';
import { readUpdateSettings } from './update-config.ts';

await runService('device-agent', async (logger) => {
  const config = loadConfig(configSchema, process.env);
  const { FLOTILLA_DEVICE_DIR: deviceDir } = config;
  const lock = FolderLock.acquire(deviceDir, process.pid);
  const stage = await departureStage(deviceDir);
  // Supervisors start whatever ends: who is nobody any more waits for one to notice.
  if (stage === 'wiped') return nobody(logger, lock);
  const starting = new AbortController();
  process.once('SIGTERM', () => starting.abort(new Error('stopped before it had an identity')));
  const access = await openAccess(config, logger, starting.signal);
  const settings = readSettings(config, access);
  const metricsPort = config.FLOTILLA_AGENT_METRICS_PORT;
  const localMetrics = metricsPort === undefined ? null : await LocalMetrics.listen(metricsPort);
  const telemetry = await createDeviceTelemetry({
    dataDir: settings.deviceDir,
    deviceId: access.deviceId,
    model: access.model,
    collectorUrl: access.collectorUrl,
    token: access.token ?? '',
    metricsIntervalMs: config.FLOTILLA_METRICS_INTERVAL_MS,
    logger,
    ...(localMetrics !== null && { localMetrics }),
    ...telemetrySettings(config),
    ...(access.post !== undefined && { post: access.post }),
  });
  const stopAgent = async (): Promise<void> => {
    await running?.stop();
    await telemetry.stop();
  };
  const departure = openDeparture({ settings, access, telemetry, stopAgent, logger });
  const running =
    stage === null ? await startAgent(settings, access, { telemetry, departure, logger }) : null;
  if (running === null) departure.take({ order: 'wipe' });
  return {
    addresses: {
      firmware: `http://127.0.0.1:${settings.firmwarePort}`,
      ...(localMetrics !== null && { metrics: localMetrics.url }),
    },
    stop: async () => {
      await departure.stop();
      await stopAgent();
      await access.stop();
      await localMetrics?.close();
      lock.release();
    },
  };
});

async function startAgent(
  settings: AgentSettings,
  access: DeviceAccess,
  parts: { telemetry: DeviceTelemetry; departure: Departure; logger: Logger },
): Promise<DeviceAgent> {
  const { telemetry, departure, logger } = parts;
  const agent = await DeviceAgent.start(settings, {
    telemetry,
    logger,
    now: Date.now,
    monotonicNow: () => performance.now(),
    random: Math.random,
    newId: randomUUID,
    onDecommission: (order) => departure.take(order),
    ...(access.fetch !== undefined && { fetch: access.fetch }),
  });
  agent.done.catch((error: unknown) => fault(logger, error));
  return agent;
}

function nobody(logger: Logger, lock: FolderLock): RunningService {
  logger.warn('this device was decommissioned and wiped; it has no identity');
  const waiting = setInterval(() => undefined, 3_600_000);
  return {
    addresses: {},
    stop: () => {
      clearInterval(waiting);
      lock.release();
      return Promise.resolve();
    },
  };
}

/** A disk that fails ends the agent; whoever supervises it starts it again. */
function fault(logger: Logger, error: unknown): void {
  logger.fatal({ err: error }, 'the agent failed');
  process.exit(1);
}

/** Five seconds' worth of a key, ten of the device, twenty of its warnings may come at once. */
function telemetrySettings(config: AgentConfig): Partial<DeviceTelemetryOptions> {
  const { FLOTILLA_LOG_KEY_RATE: keyRate, FLOTILLA_LOG_MAX_RATE: maxRate } = config;
  const urgentRate = config.FLOTILLA_LOG_MAX_URGENT_RATE;
  const sources = config.FLOTILLA_LOG_SOURCES_FILE;
  return {
    sampling: {
      ratios: {
        trace: config.FLOTILLA_LOG_TRACE_RATIO,
        debug: config.FLOTILLA_LOG_DEBUG_RATIO,
        info: config.FLOTILLA_LOG_INFO_RATIO,
      },
      keyRate: { perSecond: keyRate, burst: Math.max(1, keyRate * 5) },
      bound: { perSecond: maxRate, burst: Math.max(1, maxRate * 10) },
      urgentBound: { perSecond: urgentRate, burst: Math.max(1, urgentRate * 20) },
    },
    canary: { ...DEFAULT_CANARY, afterMs: config.FLOTILLA_LOG_CANARY_MS },
    ceiling: {
      maxRssBytes: config.FLOTILLA_AGENT_MAX_RSS_BYTES,
      maxCpuShare: config.FLOTILLA_AGENT_MAX_CPU_SHARE,
    },
    mounts: config.FLOTILLA_MOUNTS,
    logPollMs: config.FLOTILLA_LOG_POLL_MS,
    ...(sources !== undefined && { logSources: readLogSources(sources) }),
  };
}

function readSettings(config: AgentConfig, access: DeviceAccess): AgentSettings {
  const { FLOTILLA_HARDWARE_REVISION: hardwareRevision } = config;
  return {
    deviceDir: config.FLOTILLA_DEVICE_DIR,
    model: access.model,
    token: access.token,
    otaUrl: access.otaUrl,
    pinnedRoot: access.pinnedRoot,
    ...(hardwareRevision !== undefined && { hardwareRevision }),
    firmwarePort: config.FLOTILLA_FIRMWARE_PORT ?? 0,
    path: config.PATH,
    trialMs: config.FLOTILLA_TRIAL_MS,
    trialBoots: config.FLOTILLA_TRIAL_BOOTS,
    pollMs: config.FLOTILLA_POLL_MS,
    update: readUpdateSettings(config),
    image: readImageSettings(config, () =>
      readFileSync(config.FLOTILLA_KERNEL_COMMAND_LINE, 'utf8'),
    ),
    tuning: DEFAULT_TUNING,
  };
}
