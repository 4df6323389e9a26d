import { spawn, type ChildProcess } from 'node:child_process';
import { signalGroup } from './orphan-firmware.ts';
import { forwardLines } from './output-lines.ts';

export interface ProgramOptions {
  /** All of it: nothing of the agent's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Called with every line of both outputs, which otherwise lead nowhere. */
  readonly onLine?: (text: string) => void;
}

export interface ProgramEnd {
  /** The exit code, or in words what else became of it. */
  readonly how: number | string;
  readonly isLate: boolean;
}

/** What was written before the end may still be on its way. */
const OUTPUT_GRACE_MS = 500;

/**
 * Runs a program of the device maker's to its end, or ends it with its time, together with what it
 * started. What escapes that (a session of its own that holds the output open, a process that the
 * kernel cannot end) is not waited for. Never rejects.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramEnd> {
  const { env, timeoutMs, onLine } = options;
  const output = onLine === undefined ? 'ignore' : 'pipe';
  let child: ChildProcess;
  try {
    child = spawn(program, args, { env, stdio: ['ignore', output, output], detached: true });
  } catch (error) {
    // Some faults are thrown instead of told by an event, e.g. ENOTDIR or ENAMETOOLONG.
    return { how: error instanceof Error ? error.message : String(error), isLate: false };
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) forwardLines(stream, ({ text }) => onLine?.(text));
  }
  return endOf(child, timeoutMs);
}

async function endOf(child: ChildProcess, timeoutMs: number): Promise<ProgramEnd> {
  const { promise, resolve } = Promise.withResolvers<string | number>();
  let isLate = false;
  let grace: NodeJS.Timeout | undefined;
  const endGroup = (otherwise: string | number) => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    clearTimeout(grace);
    grace = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(otherwise);
    }, OUTPUT_GRACE_MS);
  };
  const timer = setTimeout(() => {
    isLate = true;
    endGroup('it could not be ended');
  }, timeoutMs);
  const wordsOf = (code: number | null, by: string | null) =>
    code ?? `it was ended by ${by ?? 'a signal'}`;
  child.once('error', (error) => resolve(error.message));
  child.once('exit', (code, by) => endGroup(wordsOf(code, by)));
  child.once('close', (code, by) => resolve(wordsOf(code, by)));
  const how = await promise;
  clearTimeout(timer);
  clearTimeout(grace);
  return { how, isLate };
}
