import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ReadyMessage } from '@flotilla/service';

const MAIN = fileURLToPath(new URL('../../../src/gateway/main.ts', import.meta.url));

/** An edge gateway as a process of its own. */
export class GatewayProcess {
  readonly addresses: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, addresses: Readonly<Record<string, string>>) {
    this.#child = child;
    this.addresses = addresses;
  }

  static async start(environment: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const child = fork(MAIN, [], {
      execArgv: ['--no-warnings'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: environment,
    });
    const [message] = (await once(child, 'message')) as [ReadyMessage];
    return new GatewayProcess(child, message.addresses);
  }

  /** Resolves with the exit code, null after a kill. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return this.#child.exitCode;
    }
    const exited = once(this.#child, 'exit') as Promise<[number | null]>;
    this.#child.kill(signal);
    return (await exited)[0];
  }
}
