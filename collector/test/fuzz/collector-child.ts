import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ReadyMessage } from '@flotilla/service';
import { CollectorFolder } from '../testing/collector-harness.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PROBE = new URL('memory-probe.ts', import.meta.url).href;

export interface HeldMemory {
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
}

/** A collector as a process of its own, whose memory can be asked after a collection. */
export class CollectorChild {
  readonly folder: CollectorFolder;
  readonly addresses: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #errors: () => string;

  private constructor(
    folder: CollectorFolder,
    child: ChildProcess,
    addresses: Readonly<Record<string, string>>,
    errors: () => string,
  ) {
    this.folder = folder;
    this.addresses = addresses;
    this.#child = child;
    this.#errors = errors;
  }

  static async start(environment: Readonly<Record<string, string>> = {}): Promise<CollectorChild> {
    const folder = await CollectorFolder.create();
    const child = fork(MAIN, {
      execArgv: ['--expose-gc', '--import', PROBE],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {
        ...folder.environment,
        FLOTILLA_COLLECTOR_GRPC_PORT: '0',
        FLOTILLA_RATE_PER_DEVICE: '1000000',
        FLOTILLA_RATE_BURST_PER_DEVICE: '1000000',
        FLOTILLA_BYTE_RATE_PER_DEVICE: '1000000000',
        FLOTILLA_BYTE_BURST_PER_DEVICE: '1000000000',
        ...environment,
      },
    });
    let errors = '';
    child.stderr?.on(
      'data',
      (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4096)),
    );
    const [message] = (await once(child, 'message')) as [ReadyMessage];
    return new CollectorChild(folder, child, message.addresses, () => errors);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Throws with the last lines it logged when the process is gone. */
  assertAlive(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new Error(
      `the collector ended: code ${this.#child.exitCode}, signal ${this.#child.signalCode}\n${this.#errors()}`,
    );
  }

  async memory(): Promise<HeldMemory> {
    const answer = once(this.#child, 'message');
    this.#child.send('memory');
    const [message] = (await answer) as [HeldMemory];
    return message;
  }

  /** What is held after a full collection, in and beside the heap. */
  async heldBytes(): Promise<number> {
    const { heapUsed, external } = await this.memory();
    return heapUsed + external;
  }

  /** Plants a leak: from now on it keeps so much more. */
  async leak(bytes: number): Promise<void> {
    const done = once(this.#child, 'message');
    this.#child.send({ leak: bytes });
    await done;
  }

  /** Ends it as an operator would; the code is 0 when nothing went wrong. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    await this.folder.remove();
    return this.#child.exitCode;
  }
}
