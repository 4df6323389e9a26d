import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
/** GNU time; the shell's own `time` knows no memory. */
const TIME = '/usr/bin/time';

/** What an operation took. */
export interface Cost {
  /** User and system. */
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

export function canMeasure(): boolean {
  return existsSync(TIME);
}

/** Runs a program to its end; rejects with the last line it said when it fails. */
export async function measureCommand(command: readonly string[], costPath: string): Promise<Cost> {
  try {
    await execFileAsync(TIME, ['-f', '%U %S %M', '-o', costPath, ...command]);
  } catch (cause) {
    const stderr = (cause as { stderr?: string }).stderr?.trim() ?? '';
    const said = stderr.split('\n').at(-1) || (cause as Error).message;
    throw new Error(`${command[0] ?? ''}: ${said}`, { cause });
  }
  const said = (await readFile(costPath, 'utf8')).trim().split('\n').at(-1) ?? '';
  const [user = NaN, system = NaN, peakKib = NaN] = said.split(' ').map(Number);
  return { cpuSeconds: user + system, peakRssBytes: peakKib * 1024 };
}
