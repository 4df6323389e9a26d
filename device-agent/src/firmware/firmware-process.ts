import { spawn, type ChildProcess } from 'node:child_process';
import type { DeviceTelemetry } from '../telemetry/device-telemetry.ts';
import type { BootedBundle, BootedSlot } from '../slots/slot-backend.ts';
import { probeHealth } from './health-probe.ts';
import { signalGroup, type FirmwarePidFile } from './orphan-firmware.ts';
import { forwardLines } from './output-lines.ts';
import { groupRssBytes } from './process-memory.ts';

export interface FirmwareExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly uptimeMs: number;
  /** Stopped by the agent, so not a crash. */
  readonly requested: boolean;
  /** Set when the program could not be started at all. */
  readonly startError: string | null;
}

/** A started firmware, whatever runs it. */
export interface Firmware {
  readonly exited: Promise<FirmwareExit>;
  /** Answers its health path with 200. */
  probe(): Promise<boolean>;
  /** Resident memory of its processes together; null when unknown. */
  rssBytes(): Promise<number | null>;
  /** Resolves once nothing of it runs any more. Safe to call twice. */
  stop(): Promise<void>;
}

export interface FirmwareHost {
  start(booted: BootedSlot): Firmware;
}

export interface ProcessHostOptions {
  readonly port: number;
  /** Given to every version: survives updates. */
  readonly dataDir: string;
  readonly path: string;
  readonly stopGraceMs: number;
  readonly probeTimeoutMs: number;
  readonly pidFile: FirmwarePidFile;
  readonly telemetry: Pick<DeviceTelemetry, 'firmwareOutput'>;
  /** Milliseconds that no setting of the clock moves. */
  readonly monotonicNow: () => number;
}

/** Runs a slot's command as a process of its own group, with nothing of the agent's environment. */
export class ProcessHost implements FirmwareHost {
  readonly #options: ProcessHostOptions;

  constructor(options: ProcessHostOptions) {
    this.#options = options;
  }

  start(booted: BootedSlot): Firmware {
    if (booted.kind !== 'bundle') return unstartable('an image starts its own programs');
    let child: ChildProcess;
    try {
      child = this.#spawn(booted);
    } catch (error) {
      // Some faults are thrown instead of told by an event, e.g. ENOTDIR, ENAMETOOLONG or a NUL byte.
      return unstartable(error instanceof Error ? error.message : String(error));
    }
    if (child.pid !== undefined) this.#options.pidFile.record(child.pid);
    this.#forward(child, booted);
    return new FirmwareProcess(child, booted, this.#options);
  }

  #spawn(booted: BootedBundle): ChildProcess {
    const { port, dataDir, path } = this.#options;
    const [program = '', ...args] = booted.bundle.command;
    return spawn(program === 'node' ? process.execPath : program, args, {
      cwd: booted.treePath,
      env: { PORT: String(port), FLOTILLA_DATA_DIR: dataDir, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  #forward(child: ChildProcess, booted: BootedBundle): void {
    const { telemetry } = this.#options;
    const { version } = booted.content;
    for (const stream of ['stdout', 'stderr'] as const) {
      const output = child[stream];
      if (output === null) continue;
      forwardLines(output, ({ text, truncated }) => {
        telemetry.firmwareOutput({ stream, text, truncated, version });
      });
    }
  }
}

/** Ended before it began: for trial and keeper a firmware like any other that does not run. */
function unstartable(startError: string): Firmware {
  const exit = { exitCode: null, signal: null, uptimeMs: 0, requested: false, startError };
  return {
    exited: Promise.resolve(exit),
    probe: () => Promise.resolve(false),
    rssBytes: () => Promise.resolve(null),
    stop: () => Promise.resolve(),
  };
}

class FirmwareProcess implements Firmware {
  readonly exited: Promise<FirmwareExit>;
  readonly #child: ChildProcess;
  readonly #options: ProcessHostOptions;
  readonly #healthUrl: string;
  #requested = false;

  constructor(child: ChildProcess, booted: BootedBundle, options: ProcessHostOptions) {
    this.#child = child;
    this.#options = options;
    this.#healthUrl = `http://127.0.0.1:${options.port}${booted.bundle.healthPath}`;
    const startedAtMs = options.monotonicNow();
    this.exited = new Promise((resolve) => {
      const settle = (code: number | null, signal: string | null, startError: string | null) => {
        this.#afterExit();
        const uptimeMs = options.monotonicNow() - startedAtMs;
        resolve({ exitCode: code, signal, uptimeMs, requested: this.#requested, startError });
      };
      child.once('error', (error) => settle(null, null, error.message));
      child.once('exit', (code, signal) => settle(code, signal, null));
    });
  }

  async probe(): Promise<boolean> {
    return probeHealth(this.#healthUrl, this.#options.probeTimeoutMs);
  }

  async rssBytes(): Promise<number | null> {
    const { pid } = this.#child;
    return pid === undefined ? null : groupRssBytes(pid);
  }

  async stop(): Promise<void> {
    this.#requested = true;
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
      return;
    signalGroup(pid, 'SIGTERM');
    const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), this.#options.stopGraceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** What the firmware started must not outlive it: the next version needs the port. */
  #afterExit(): void {
    const { pid } = this.#child;
    if (pid !== undefined) signalGroup(pid, 'SIGKILL');
    this.#options.pidFile.clear();
  }
}
