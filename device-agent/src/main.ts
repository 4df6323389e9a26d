import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tlsPost, type Post } from '@flotilla/otlp-queue';
import { ConfigError, FolderLock, loadConfig, runService, type Logger } from '@flotilla/service';
import { DEFAULT_TUNING, type AgentSettings } from './agent-settings.ts';
import { configSchema, type AgentConfig } from './config.ts';
import { DeviceAgent } from './device-agent.ts';
import { readImageSettings } from './image-config.ts';
import {
  createDeviceTelemetry,
  DEFAULT_CANARY,
  type DeviceTelemetryOptions,
} from './telemetry/create-device-telemetry.ts';
import { LocalMetrics } from './telemetry/local-metrics.ts';
import { readLogSources } from './telemetry/logs/log-sources.ts';
import { readRootFile } from './trust/root-file.ts';
import { readUpdateSettings } from './update-config.ts';

await runService('device-agent', async (logger) => {
  const config = loadConfig(configSchema, process.env);
  const lock = FolderLock.acquire(config.FLOTILLA_DEVICE_DIR, process.pid);
  const settings = readSettings(config);
  const metricsPort = config.FLOTILLA_AGENT_METRICS_PORT;
  const localMetrics = metricsPort === undefined ? null : await LocalMetrics.listen(metricsPort);
  const telemetry = await createDeviceTelemetry({
    dataDir: settings.deviceDir,
    deviceId: config.FLOTILLA_DEVICE_ID,
    model: config.FLOTILLA_DEVICE_MODEL,
    collectorUrl: config.FLOTILLA_COLLECTOR_URL,
    token: settings.token,
    metricsIntervalMs: config.FLOTILLA_METRICS_INTERVAL_MS,
    logger,
    ...(localMetrics !== null && { localMetrics }),
    ...telemetrySettings(config),
    ...collectorTls(config, logger),
  });
  const agent = await DeviceAgent.start(settings, {
    telemetry,
    logger,
    now: Date.now,
    monotonicNow: () => performance.now(),
    random: Math.random,
    newId: randomUUID,
  });
  agent.done.catch((error: unknown) => fault(logger, error));
  return {
    addresses: {
      firmware: `http://127.0.0.1:${settings.firmwarePort}`,
      ...(localMetrics !== null && { metrics: localMetrics.url }),
    },
    stop: async () => {
      await agent.stop();
      await telemetry.stop();
      await localMetrics?.close();
      lock.release();
    },
  };
});

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

/** Nothing without TLS files: then the URL's scheme and the system's authorities decide. */
function collectorTls(config: AgentConfig, logger: Logger): { post?: Post } {
  const {
    FLOTILLA_COLLECTOR_CA_FILE: ca,
    FLOTILLA_COLLECTOR_CERT_FILE: cert,
    FLOTILLA_COLLECTOR_KEY_FILE: key,
  } = config;
  if (ca === undefined && cert === undefined) return {};
  const text = (file: string | undefined) =>
    file === undefined ? undefined : readFileSync(file, 'utf8');
  const read = () => ({ ca: text(ca), cert: text(cert), key: text(key) });
  try {
    return { post: tlsPost(read, logger, Date.now) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError([`FLOTILLA_COLLECTOR_*_FILE: ${why}`]);
  }
}

function readSettings(config: AgentConfig): AgentSettings {
  const { FLOTILLA_HARDWARE_REVISION: hardwareRevision } = config;
  return {
    deviceDir: config.FLOTILLA_DEVICE_DIR,
    model: config.FLOTILLA_DEVICE_MODEL,
    token: readFileSync(config.FLOTILLA_DEVICE_TOKEN_FILE, 'utf8').trim(),
    otaUrl: config.FLOTILLA_OTA_URL,
    pinnedRoot: readRootFile(readFileSync(config.FLOTILLA_TUF_ROOT_FILE, 'utf8')),
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
