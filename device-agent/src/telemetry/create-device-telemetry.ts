import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  EVENT_AGENT_DEGRADATION,
  METRIC_AGENT_DEGRADATION,
  METRIC_LOG_GAPS,
  METRIC_PROCESS_CPU_UTILIZATION,
  METRIC_PROCESS_MEMORY_USAGE,
  type UpdateReport,
  type UpdateWaitReason,
} from '@flotilla/contracts';
import {
  DEFAULT_QUEUE_LIMITS,
  DiskQueue,
  QueueSender,
  type Post,
  type QueueLimits,
} from '@flotilla/otlp-queue';
import type { Logger } from '@flotilla/service';
import { AgentMetrics } from './agent-metrics.ts';
import { deviceResource, type DeviceIdentity } from './device-resource.ts';
import type { DeviceTelemetry, FirmwareLine, Severity } from './device-telemetry.ts';
import { ValueType, type Meter } from '@opentelemetry/api';
import type { CanaryRules } from './domain/canary-window.ts';
import type { FootprintCeiling } from './domain/footprint-decision.ts';
import type { SamplingRules } from './domain/sampling-decision.ts';
import { FootprintMonitor, type FootprintReading } from './footprint/footprint-monitor.ts';
import { HostMetrics } from './host/host-metrics.ts';
import { canaryMark, readCanaryWindow } from './logs/canary-store.ts';
import type { LocalMetrics } from './local-metrics.ts';
import { LogForwarder } from './logs/log-forwarder.ts';
import { LogIntake } from './logs/log-intake.ts';
import { DEFAULT_SAMPLING } from './logs/log-sampler.ts';
import type { SourceRecord } from './logs/log-sink.ts';
import type { LogSources } from './logs/log-sources.ts';
import { outputRecord } from './logs/source-record.ts';
import {
  crashLogRecord,
  plainLogRecord,
  updateLogRecord,
  type FirmwareCrash,
} from './log-record.ts';
import { QueueWriter, TelemetryWriteError } from './queue-writer.ts';
import { RunCounter } from './run-counter.ts';
import { logSdkDiagnostics } from './sdk-diagnostics.ts';
import { VersionSignals, readableRecords } from './version-signals.ts';

const FLUSH_TIMEOUT_MS = 5000;
/** Well within the ten seconds a service has to stop. */
const STOP_TIMEOUT_MS = 3000;

export interface DeviceTelemetryOptions {
  /** The queue lives in `telemetry/` below it; its file system is the one that is measured. */
  readonly dataDir: string;
  readonly deviceId: string;
  readonly model: string;
  /** Base URL; the OTLP paths are appended. */
  readonly collectorUrl: string;
  readonly token: string;
  readonly metricsIntervalMs: number;
  readonly logger: Logger;
  readonly clock?: () => number;
  readonly queueLimits?: Partial<QueueLimits>;
  readonly sampling?: SamplingRules;
  readonly canary?: CanaryRules;
  readonly ceiling?: FootprintCeiling;
  /** File systems to measure beside that of `dataDir`. */
  readonly mounts?: readonly string[];
  /** Carries requests to the collector; plain OTLP/HTTP by default. */
  readonly post?: Post;
  readonly logSources?: LogSources;
  /** Shows the metrics on the device itself as well. */
  readonly localMetrics?: LocalMetrics;
  /** Between two looks at the log files. */
  readonly logPollMs?: number;
}

export const DEFAULT_CANARY: CanaryRules = { afterMs: 1_800_000, maxTrialMs: 3_600_000 };
/** Node alone takes some 50 MB. */
export const DEFAULT_CEILING: FootprintCeiling = {
  maxRssBytes: 256 * 1024 * 1024,
  maxCpuShare: 0.25,
};
const DEFAULT_LOG_POLL_MS = 1000;
const FOOTPRINT_CHECK_MS = 10_000;
/** Of the queue's bytes: beyond it log sources wait, so that they push nothing out. */
const ROOM_FOR_SOURCES = 0.5;

/**
 * Starts the telemetry of a device: metrics at the interval, logs within a second, both through the
 * disk queue to the collector. One per data folder. Throws QueueOpenError when `dataDir` cannot hold
 * the queue; an unreachable collector is no error.
 */
export async function createDeviceTelemetry(
  options: DeviceTelemetryOptions,
): Promise<DeviceTelemetry> {
  const telemetry = new AgentTelemetry(options);
  await telemetry.start();
  return telemetry;
}

class AgentTelemetry implements DeviceTelemetry {
  readonly #options: DeviceTelemetryOptions;
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #identity: DeviceIdentity;
  readonly #queue: DiskQueue;
  readonly #writer: QueueWriter;
  readonly #sender: QueueSender;
  readonly #host: HostMetrics;
  readonly #runs: RunCounter;
  readonly #agent: AgentMetrics;
  readonly #footprint: FootprintMonitor;
  readonly #intake: LogIntake;
  readonly #forwarder: LogForwarder;
  #version: string | null = null;
  #signals: VersionSignals;
  /** Shutdowns of former versions; flush and stop wait for them. */
  #switching: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(options: DeviceTelemetryOptions) {
    const { dataDir, collectorUrl, token, logger } = options;
    this.#options = options;
    this.#logger = logger;
    this.#clock = options.clock ?? Date.now;
    const { deviceId, model } = options;
    this.#identity = { deviceId, model, hostName: hostname(), platform: process.platform };
    const clock = this.#clock;
    this.#queue = new DiskQueue({
      folder: join(dataDir, 'telemetry'),
      logger,
      clock,
      ...(options.queueLimits !== undefined && { limits: options.queueLimits }),
    });
    this.#writer = new QueueWriter(this.#queue, logger);
    this.#sender = new QueueSender({
      queue: this.#queue,
      collectorUrl,
      token,
      logger,
      clock,
      ...(options.post !== undefined && { post: options.post }),
    });
    this.#host = new HostMetrics(dataDir, options.mounts ?? [], logger);
    this.#runs = new RunCounter(this.#queue, logger);
    this.#agent = new AgentMetrics(this.#queue, this.#runs, logger);
    this.#footprint = new FootprintMonitor({
      ceiling: options.ceiling ?? DEFAULT_CEILING,
      checkMs: FOOTPRINT_CHECK_MS,
      onChange: (reading) => this.#sayDegradation(reading),
    });
    this.#intake = this.#openIntake();
    this.#forwarder = this.#openForwarder();
    logSdkDiagnostics(logger);
    this.#signals = this.#openSignals(null);
  }

  async start(): Promise<void> {
    await this.#host.start();
    this.#sender.start();
    this.#footprint.start();
    this.#forwarder.start();
  }

  async setFirmwareVersion(version: string | null): Promise<void> {
    if (version !== this.#version && this.#stopped === undefined) {
      const former = this.#signals;
      // First the switch: what is recorded during the old version's flush belongs to the new one.
      this.#version = version;
      this.#signals = this.#openSignals(version);
      this.#switching = this.#switching.then(() => this.#shutdownSignals(former));
    }
    await this.#switching;
  }

  async recordUpdate(report: UpdateReport): Promise<void> {
    if (this.#stopped !== undefined) {
      throw new TelemetryWriteError('telemetry has stopped');
    }
    const record = updateLogRecord(report, this.#clock());
    const mark = canaryMark(this.#intake.updateReported(report.state));
    // Synchronous down to the disk: durable when it returns.
    this.#writer.writeLogs(readableRecords(this.#signals.resource, [record]), mark);
    return Promise.resolve();
  }

  log(
    severity: Severity,
    body: string,
    attributes: Record<string, string | number | boolean> = {},
  ): void {
    if (this.#stopped !== undefined) {
      this.#logger.warn({ severity, body }, 'a log record came after telemetry stopped');
      return;
    }
    const record = plainLogRecord(severity, body, attributes, this.#clock());
    this.#admit({ record, rateKey: 'agent', sampleKey: null });
  }

  firmwareOutput(line: FirmwareLine): void {
    if (this.#stopped !== undefined) {
      this.#logger.warn({ line }, 'firmware output came after telemetry stopped');
      return;
    }
    this.#admit(outputRecord(line, this.#clock()));
  }

  #admit(source: SourceRecord): void {
    const record = this.#intake.admit(source);
    if (record !== null) this.#signals.log(record);
  }

  recordFirmwareCrash(details: FirmwareCrash): void {
    if (this.#stopped !== undefined) {
      this.#logger.warn({ details }, 'a firmware crash came after telemetry stopped');
      return;
    }
    this.#signals.countRestart();
    // The crash belongs to the version that crashed, even if another is spoken for by now.
    const resource = deviceResource(this.#identity, details.version);
    try {
      // At once: the agent may be the next to go.
      this.#writer.writeLogs(readableRecords(resource, [crashLogRecord(details, this.#clock())]));
    } catch (err) {
      this.#logger.error({ err, details }, 'a firmware crash could not be recorded');
    }
  }

  setFirmwareUp(up: boolean): void {
    this.#agent.setFirmwareUp(up);
  }

  setUpdateWait(reason: UpdateWaitReason | null): void {
    this.#agent.setUpdateWait(reason);
  }

  lastAcknowledgedAtMs(): number | null {
    return this.#sender.lastAcknowledgedAtMs;
  }

  pendingBatches(): number {
    return this.#queue.items;
  }

  async flush(): Promise<void> {
    if (this.#stopped !== undefined) return this.#stopped;
    await this.#switching;
    await this.#signals.flush();
    await this.#sender.flush(FLUSH_TIMEOUT_MS);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stopOnce();
    return this.#stopped;
  }

  async #stopOnce(): Promise<void> {
    this.#footprint.stop();
    await this.#forwarder.stop();
    await this.#switching;
    await this.#shutdownSignals(this.#signals);
    await this.#sender.stop(STOP_TIMEOUT_MS);
    this.#runs.stop();
    this.#queue.close();
  }

  async #shutdownSignals(signals: VersionSignals): Promise<void> {
    try {
      await signals.shutdown();
    } catch (err) {
      this.#logger.error({ err }, 'the last telemetry of a firmware version was lost');
    }
  }

  #openIntake(): LogIntake {
    const { sampling = DEFAULT_SAMPLING, canary = DEFAULT_CANARY, queueLimits } = this.#options;
    const maxBytes = queueLimits?.maxBytes ?? DEFAULT_QUEUE_LIMITS.maxBytes;
    return new LogIntake({
      rules: sampling,
      canary,
      now: this.#clock,
      random: Math.random,
      thrift: () => this.#footprint.thrift,
      hasRoom: () => this.#queue.sizeBytes < maxBytes * ROOM_FOR_SOURCES,
      window: readCanaryWindow(this.#queue, this.#logger),
      writeDurably: (records, mark) => {
        this.#writer.moveLogs(readableRecords(this.#signals.resource, records), mark);
      },
    });
  }

  #openForwarder(): LogForwarder {
    const { logSources, logPollMs } = this.#options;
    return new LogForwarder({
      sources: logSources ?? { files: [] },
      queue: this.#queue,
      sink: this.#intake,
      pollMs: logPollMs ?? DEFAULT_LOG_POLL_MS,
      intervalFactor: () => this.#footprint.intervalFactor,
      logger: this.#logger,
      now: this.#clock,
      random: Math.random,
    });
  }

  #registerGaps(meter: Meter): void {
    meter
      .createObservableCounter(METRIC_LOG_GAPS, { unit: '{gap}', valueType: ValueType.INT })
      .addCallback((result) => result.observe(this.#forwarder.gaps));
  }

  /** An event, so no sampling. */
  #sayDegradation({ level, breaches, rssBytes, cpuShare }: FootprintReading): void {
    const why = breaches.length > 0 ? `too much ${breaches.join(' and ')}` : 'calm again';
    this.#logger.warn({ level, why, rssBytes, cpuShare }, 'the agent holds itself back');
    const attributes = {
      [METRIC_AGENT_DEGRADATION]: level,
      [METRIC_PROCESS_MEMORY_USAGE]: rssBytes,
      ...(cpuShare !== null && { [METRIC_PROCESS_CPU_UTILIZATION]: cpuShare }),
    };
    const body = `the agent holds itself back to level ${level}: ${why}`;
    const severity = breaches.length > 0 ? 'warn' : 'info';
    this.#signals.log({
      ...plainLogRecord(severity, body, attributes, this.#clock()),
      eventName: EVENT_AGENT_DEGRADATION,
    });
  }

  #openSignals(version: string | null): VersionSignals {
    return new VersionSignals({
      resource: deviceResource(this.#identity, version),
      writer: this.#writer,
      metricsIntervalMs: this.#options.metricsIntervalMs,
      intervalFactor: () => this.#footprint.intervalFactor,
      logger: this.#logger,
      ...(this.#options.localMetrics !== undefined && {
        localMetrics: this.#options.localMetrics,
      }),
      register: (meter) => {
        this.#host.register(meter);
        this.#footprint.register(meter);
        this.#intake.register(meter);
        this.#registerGaps(meter);
        return this.#agent.register(meter);
      },
    });
  }
}
