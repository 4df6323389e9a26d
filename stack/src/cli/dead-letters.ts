import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { eventLogFile } from '../data-folder.ts';

const COMMAND = fileURLToPath(
  new URL('../../../pipeline/src/dead-letters/main.ts', import.meta.url),
);

/**
 * Runs the pipeline's command on the log of a data folder (`--data`), unless the environment names a
 * log. Returns its exit code; 1 when there is no log, which is not made for this.
 */
export async function runDeadLetters(args: readonly string[]): Promise<number> {
  const { data, rest } = takeData(args);
  const file = eventLogFile(resolve(data ?? process.env.FLOTILLA_DATA_DIR ?? '.flotilla'));
  const named = data === undefined ? process.env.FLOTILLA_EVENT_LOG : undefined;
  if (named === undefined && !existsSync(file)) {
    process.stderr.write(`there is no log at ${file}\n`);
    return 1;
  }
  const child = spawn(process.execPath, [COMMAND, ...rest], {
    stdio: 'inherit',
    env: { ...process.env, FLOTILLA_EVENT_LOG: named ?? `sqlite:${file}` },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

/** Everything but `--data FOLDER` is the pipeline's own. */
function takeData(args: readonly string[]): { data: string | undefined; rest: string[] } {
  const { tokens, values } = parseArgs({
    args: [...args],
    options: { data: { type: 'string' } },
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const taken = new Set<number>();
  for (const token of tokens) {
    if (token.kind !== 'option' || token.name !== 'data') continue;
    taken.add(token.index);
    if (token.inlineValue === false) taken.add(token.index + 1);
  }
  const rest = args.filter((_, index) => !taken.has(index));
  return { data: typeof values.data === 'string' ? values.data : undefined, rest };
}
