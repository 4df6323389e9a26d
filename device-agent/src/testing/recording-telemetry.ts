import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { updateReportSchema, type UpdateReport, type UpdateWaitReason } from '@flotilla/contracts';
import type { DeviceTelemetry, FirmwareLine, Severity } from '../telemetry/device-telemetry.ts';

export interface RecordedCrash {
  version: string;
  exitCode: number | null;
  signal: string | null;
  uptimeMs: number;
}

export interface RecordedLog {
  severity: Severity;
  body: string;
  attributes: Record<string, string | number | boolean>;
}

/** Keeps what it is told; reports also go to a file, when one is given, and so survive a kill. */
export class RecordingTelemetry implements DeviceTelemetry {
  readonly reports: UpdateReport[] = [];
  readonly logs: RecordedLog[] = [];
  readonly output: FirmwareLine[] = [];
  readonly crashes: RecordedCrash[] = [];
  readonly versions: (string | null)[] = [];
  /** Whether a flush is acknowledged. */
  connected = true;
  up = false;
  /** Each as it came, without repetitions. */
  readonly waits: (UpdateWaitReason | null)[] = [];
  readonly #now: () => number;
  readonly #file: string | null;
  #acknowledgedAtMs: number | null = null;

  constructor(now: () => number = Date.now, file: string | null = null) {
    this.#now = now;
    this.#file = file;
  }

  async setFirmwareVersion(version: string | null): Promise<void> {
    this.versions.push(version);
  }

  async recordUpdate(report: UpdateReport): Promise<void> {
    this.reports.push(report);
    if (this.#file !== null) appendFileSync(this.#file, `${JSON.stringify(report)}\n`);
  }

  log(
    severity: Severity,
    body: string,
    attributes: Record<string, string | number | boolean> = {},
  ): void {
    this.logs.push({ severity, body, attributes });
  }

  firmwareOutput(line: FirmwareLine): void {
    this.output.push(line);
  }

  recordFirmwareCrash(details: RecordedCrash): void {
    this.crashes.push(details);
  }

  setFirmwareUp(up: boolean): void {
    this.up = up;
  }

  setUpdateWait(reason: UpdateWaitReason | null): void {
    if (this.waits.at(-1) !== reason) this.waits.push(reason);
  }

  lastAcknowledgedAtMs(): number | null {
    return this.#acknowledgedAtMs;
  }

  pendingBatches(): number {
    return this.connected ? 0 : 1;
  }

  async flush(): Promise<void> {
    if (this.connected) this.#acknowledgedAtMs = this.#now();
  }

  async stop(): Promise<void> {
    await this.flush();
  }
}

/** The reports that agents wrote to such a file. */
export function readRecordedReports(file: string): UpdateReport[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => updateReportSchema.parse(JSON.parse(line)));
}
