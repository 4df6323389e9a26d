import type { UpdateReport, UpdateWaitReason } from '@flotilla/contracts';

export type Severity = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A line that the firmware wrote. */
export interface FirmwareLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  /** The line went on, but no more of it was kept. */
  readonly truncated: boolean;
  /** Of the firmware that wrote it. */
  readonly version: string;
}

/** What the update side of the agent may say and ask of the telemetry side. */
export interface DeviceTelemetry {
  /** From now on telemetry speaks for this firmware (`service.version`); null before the first. */
  setFirmwareVersion(version: string | null): Promise<void>;
  /** Durable in the disk queue when it resolves; the log record of EventName `flotilla.update`. */
  recordUpdate(report: UpdateReport): Promise<void>;
  /** A log record; queued in the background. */
  log(
    severity: Severity,
    body: string,
    attributes?: Record<string, string | number | boolean>,
  ): void;
  /**
   * Sampled like every log record, by the level that the line names: a JSON object's level field or a
   * level among the first words. Without one stdout counts as INFO and stderr as WARN, since that is
   * where a crash leaves its last words.
   */
  firmwareOutput(line: FirmwareLine): void;
  /** The firmware process ended by itself: event `flotilla.firmware.crash` and the restart counter. */
  recordFirmwareCrash(details: {
    version: string;
    exitCode: number | null;
    signal: string | null;
    uptimeMs: number;
  }): void;
  setFirmwareUp(up: boolean): void;
  /** What an update waits for; null when none waits. */
  setUpdateWait(reason: UpdateWaitReason | null): void;
  /** When the collector last acknowledged a batch, ms since the epoch; null if never since start. */
  lastAcknowledgedAtMs(): number | null;
  /** Batches in the disk queue. */
  pendingBatches(): number;
  /** Collects metrics now and puts everything pending into the disk queue; then tries to send. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}
