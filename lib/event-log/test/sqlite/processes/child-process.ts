import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** A program of this folder as a process of its own; collects the whole lines it prints. */
export class Child {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly exited: Promise<unknown>;
  #text = '';
  #errors = '';

  constructor(program: 'appender' | 'reader', ...args: string[]) {
    const file = new URL(`./${program}.ts`, import.meta.url).pathname;
    this.process = spawn(process.execPath, ['--no-warnings', file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stdout.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    this.process.stderr.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.exited = once(this.process, 'close');
  }

  get lines(): string[] {
    return this.#text.split('\n').slice(0, -1);
  }

  get errors(): string {
    return this.#errors;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}
