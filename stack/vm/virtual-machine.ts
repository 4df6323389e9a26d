import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { requireProgram } from './vm-tools.ts';

export interface MachineOptions {
  /** Written as the guest runs. */
  readonly disk: string;
  /** Read-only. */
  readonly runtime: string;
  /** Everything the console says, over all starts, is appended here. */
  readonly consoleLog: string;
  /** `tcg` is software emulation: slow, and possible everywhere. */
  readonly accelerator: 'kvm' | 'tcg';
  readonly memoryMib?: number;
}

/**
 * One power-on of a virtual machine, a QEMU process: BIOS, one NVMe disk, a serial console, and a
 * network in which 10.0.2.2 is this machine's loopback.
 */
export class VirtualMachine {
  readonly #process: ChildProcess;
  readonly #log: WriteStream;
  readonly #exited: Promise<unknown>;
  readonly #listeners = new Set<() => void>();
  #console = '';
  #isOff = false;

  private constructor(options: MachineOptions) {
    this.#log = createWriteStream(options.consoleLog, { flags: 'a' });
    this.#process = spawn(requireProgram('qemu-system-x86_64'), machineArguments(options), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('latin1').on('data', (text: string) => this.#said(text));
    }
    this.#exited = once(this.#process, 'exit').finally(() => {
      this.#isOff = true;
      this.#said('');
    });
  }

  static async powerOn(options: MachineOptions): Promise<VirtualMachine> {
    const machine = new VirtualMachine(options);
    await once(machine.#process, 'spawn');
    return machine;
  }

  /** What the console said since power-on. */
  get console(): string {
    return this.#console;
  }

  /**
   * Waits until the console has said it, from `from` characters on; gives the match and where it ends.
   * Throws after `timeoutMs` or when the machine goes off.
   */
  async expect(
    pattern: RegExp,
    timeoutMs: number,
    from = 0,
  ): Promise<{ match: RegExpExecArray; end: number }> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const match = pattern.exec(this.#console.slice(from));
      if (match !== null) return { match, end: from + match.index + match[0].length };
      if (this.#isOff || deadline.aborted) {
        const why = this.#isOff ? 'the machine went off' : `nothing for ${timeoutMs} ms`;
        throw new Error(
          `${why}, expected ${String(pattern)} after:\n${this.#console.slice(-2000)}`,
        );
      }
      await this.#somethingHappens(deadline);
    }
  }

  /**
   * Ends QEMU where it stands: memory and everything the guest had not written are gone. What the guest
   * had written stays, so the disk behaves as one without a volatile cache.
   */
  async cutPower(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
    this.#log.end();
  }

  #said(text: string): void {
    this.#console += text;
    if (text !== '') this.#log.write(text);
    for (const listener of this.#listeners) listener();
  }

  async #somethingHappens(deadline: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        deadline.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      deadline.addEventListener('abort', done);
    });
  }
}

function machineArguments(options: MachineOptions): string[] {
  const { disk, runtime, accelerator, memoryMib = 768 } = options;
  return [
    ...['-machine', 'q35', '-accel', accelerator, '-cpu', 'Nehalem', '-smp', '2'],
    ...['-m', String(memoryMib), '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-serial', 'stdio', '-monitor', 'none'],
    ...['-drive', `id=disk,if=none,format=raw,cache=writeback,file=${disk}`],
    ...['-drive', `id=runtime,if=none,format=raw,readonly=on,file=${runtime}`],
    ...['-device', 'nvme,id=nvme,serial=flotilla'],
    ...['-device', 'nvme-ns,bus=nvme,drive=disk,nsid=1'],
    ...['-device', 'nvme-ns,bus=nvme,drive=runtime,nsid=2'],
    ...['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net'],
  ];
}
