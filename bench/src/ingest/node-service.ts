import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReadyMessage } from '@flotilla/service';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface ServiceProcess {
  readonly name: string;
  readonly pid: number;
  /** Everything it wrote. */
  readonly logFile: string;
  readonly addresses: Readonly<Record<string, string>>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>;
}

export interface ServiceSpec {
  readonly name: string;
  /** The main file, from the repository's root. */
  readonly main: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Folder of its output. */
  readonly folder: string;
  /** Where its CPU profile goes at its end, when one is wanted. */
  readonly profileFolder?: string | undefined;
}

/** Starts one of the product's mains as its own process, as an operator would: by environment. */
export async function startService(spec: ServiceSpec): Promise<ServiceProcess> {
  const logFile = join(spec.folder, `${spec.name}.log`);
  const output = openSync(logFile, 'a');
  const child = fork(join(ROOT, spec.main), {
    execArgv:
      spec.profileFolder === undefined
        ? []
        : [
            '--cpu-prof',
            `--cpu-prof-dir=${spec.profileFolder}`,
            `--cpu-prof-name=${spec.name}.cpuprofile`,
          ],
    stdio: ['ignore', output, output, 'ipc'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_ENV: 'production',
      ...spec.environment,
    },
  });
  closeSync(output);
  const exited = once(child, 'exit');
  const ready = await Promise.race([once(child, 'message'), exited.then(() => null)]);
  if (ready === null || child.pid === undefined) {
    const said = readFileSync(logFile, 'utf8').slice(-2000);
    throw new Error(`${spec.name} ended before it was ready; it said: ${said}`);
  }
  const [message] = ready as [ReadyMessage];
  return {
    name: spec.name,
    pid: child.pid,
    logFile,
    addresses: message.addresses,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
