import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataFolder } from '../data-folder.ts';

const COMMAND = fileURLToPath(
  new URL('../../../pipeline/src/dead-letters/main.ts', import.meta.url),
);

/** Runs the pipeline's command on the log of a data folder, unless the environment names a log. */
export async function runDeadLetters(args: readonly string[]): Promise<number> {
  const folder = openDataFolder(resolve(process.env.FLOTILLA_DATA_DIR ?? '.flotilla'));
  const child = spawn(process.execPath, [COMMAND, ...args], {
    stdio: 'inherit',
    env: { FLOTILLA_EVENT_LOG: folder.eventLogUrl, ...process.env },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
