import { fork, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import type { ReadyMessage } from '@flotilla/service';

export interface ProcessSpec {
  readonly name: string;
  /** Absolute path of the entry module. */
  readonly entry: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Processes of one stage stop together; a higher stage stops before a lower one. */
  readonly stage: number;
  /** Receives standard output and error. */
  readonly logFile: string;
}

export interface ManagedProcessEvents {
  /** The process ended although nobody asked it to; it is about to be started again. */
  readonly onUnexpectedExit?: (name: string, how: string) => void;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 12_000;
const RESTART_DELAYS_MS = [100, 500, 2000, 5000] as const;
/** A process that ran this long starts its back-off anew. */
const STABLE_AFTER_MS = 30_000;

/**
 * One child process kept running: started again with back-off when it ends by itself, stopped on
 * request. It runs in its own session, so a ctrl-C at the terminal reaches only the supervisor.
 */
export class ManagedProcess {
  readonly spec: ProcessSpec;
  readonly #events: ManagedProcessEvents;
  readonly #log: WriteStream;
  #child: ChildProcess | null = null;
  #stopping = false;
  #restarts = 0;
  #startedAtMs = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #addresses: Readonly<Record<string, string>> = {};
  #ready = Promise.withResolvers<void>();
  #serving = false;

  constructor(spec: ProcessSpec, events: ManagedProcessEvents = {}) {
    this.spec = spec;
    this.#events = events;
    this.#log = createWriteStream(spec.logFile, { flags: 'a' });
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** As the process announced them; empty until it is ready for the first time. */
  get addresses(): Readonly<Record<string, string>> {
    return this.#addresses;
  }

  /** Resolves when the process serves; rejects when it ends first or takes too long. */
  async start(): Promise<void> {
    const ended = this.#spawn();
    const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
    const late = new Promise<never>((_resolve, reject) => {
      timeout.addEventListener('abort', () =>
        reject(new Error(`${this.spec.name} was not ready after ${READY_TIMEOUT_MS / 1000} s`)),
      );
    });
    const died = ended.then((how) => {
      throw new Error(`${this.spec.name} ${how}; see ${this.spec.logFile}`);
    });
    died.catch(() => undefined);
    await Promise.race([this.#ready.promise, died, late]);
    void ended.then((how) => this.#afterExit(how));
  }

  /** Ends the process and waits for it. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child !== null) {
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
    }
    this.#log.end();
  }

  /** Resolves once the process serves again after a restart. */
  async waitReady(): Promise<void> {
    await this.#ready.promise;
  }

  /** For fault injection: the signal goes to the process itself, which is then started again. */
  kill(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.#notServing();
    this.#child?.kill(signal);
  }

  /** Whoever waits from now on waits for the next start; those who wait already keep waiting. */
  #notServing(): void {
    if (!this.#serving) return;
    this.#serving = false;
    this.#ready = Promise.withResolvers<void>();
  }

  #spawn(): Promise<string> {
    const { entry, environment } = this.spec;
    const child = fork(entry, [], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        NODE_ENV: 'production',
        ...environment,
      },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#startedAtMs = Date.now();
    child.stdout?.pipe(this.#log, { end: false });
    child.stderr?.pipe(this.#log, { end: false });
    child.on('message', (message: ReadyMessage) => {
      if (message.type !== 'ready') return;
      this.#addresses = message.addresses;
      this.#serving = true;
      this.#ready.resolve();
    });
    return new Promise((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        this.#child = null;
        resolve(signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`);
      });
    });
  }

  #afterExit(how: string): void {
    if (this.#stopping) return;
    this.#notServing();
    if (Date.now() - this.#startedAtMs > STABLE_AFTER_MS) this.#restarts = 0;
    const delay = RESTART_DELAYS_MS[Math.min(this.#restarts, RESTART_DELAYS_MS.length - 1)];
    this.#restarts += 1;
    this.#events.onUnexpectedExit?.(this.spec.name, how);
    this.#restartTimer = setTimeout(() => {
      void this.#spawn().then((next) => this.#afterExit(next));
    }, delay);
  }
}
