import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const readySchema = z.object({
  type: z.literal('ready'),
  addresses: z.object({ http: z.string(), warehouse: z.string().default('') }),
});

/** The pipeline as a process of its own, as it runs in the stack. */
export class PipelineProcess {
  readonly #child: ChildProcess;
  readonly exited: Promise<unknown>;
  /** Rejects when the process ends before it serves; `warehouse` is '' when a server answers queries. */
  readonly ready: Promise<{ readonly http: string; readonly warehouse: string }>;
  #errors = '';

  constructor(environment: Readonly<Record<string, string>>) {
    this.#child = fork(MAIN, {
      env: { UV_THREADPOOL_SIZE: '12', ...environment },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.exited = once(this.#child, 'close');
    this.ready = Promise.race([
      once(this.#child, 'message').then(([message]) => readySchema.parse(message).addresses),
      this.exited.then(() => Promise.reject(new Error(`it ended: ${this.#errors}`))),
    ]);
    // A test that kills the process does not wait for it to serve.
    this.ready.catch(() => undefined);
  }

  /** What it logged. */
  get log(): string {
    return this.#errors;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    await this.exited;
    return this.#child.exitCode;
  }
}
