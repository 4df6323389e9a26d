import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';

export interface SwupdateOptions {
  readonly folder: string;
  readonly id: string;
  readonly token: string;
  readonly serverUrl: string;
  readonly certificate: string;
  /** What the device found out about the firmware it booted; SWUpdate reports it at its start. */
  readonly boot?: 'again' | 'good' | 'bad';
}

/** SWUpdate's states, as `-c` takes them. */
const CONFIRM = { again: '1', good: '2', bad: '3' } as const;

export interface SwupdateDevice {
  readonly output: () => string;
  stop(): Promise<void>;
}

/** Debian's swupdate daemon in its suricatta (hawkBit) mode, polling every second. */
export function startSwupdate(options: SwupdateOptions): SwupdateDevice {
  const { folder, id, token, serverUrl, certificate, boot } = options;
  mkdirSync(folder, { recursive: true });
  const server = `-t default -u ${serverUrl} -i ${id} -k ${token} -p 1`;
  const confirmed = boot === undefined ? '' : ` -c ${CONFIRM[boot]}`;
  const child = spawn(
    'swupdate',
    [
      ...['-k', certificate, '-H', 'board:1.0', '-l', '5', '-M', '-m'],
      ...['-u', `${server}${confirmed}`],
    ],
    {
      // Its sockets are there, so several daemons run side by side.
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its processes form a group, and end as one.
      detached: true,
    },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    output: () => text,
    async stop() {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await exit;
    },
  };
}
