import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { EventLog } from '@flotilla/event-log';
import type { Letter, LetterFilter } from './letter.ts';
import { LetterBox } from './letter-box.ts';
import type { LetterSpool } from './letter-spool.ts';

export const DEAD_LETTERS_USAGE = `dead-letters list    [--json]      what could not be decoded, and why
dead-letters replay  [--dry-run]   back to where it came from
dead-letters export  --to FOLDER   bytes and reasons as files
each with [--code CODE]… [--topic TOPIC]… [--at PLACE]… to mean only some; PLACE as list tells it`;

/** The arguments ask for nothing this command knows. */
export class DeadLettersUsageError extends Error {
  override readonly name = 'DeadLettersUsageError';
}

const OPTIONS = {
  code: { type: 'string', multiple: true },
  topic: { type: 'string', multiple: true },
  at: { type: 'string', multiple: true },
  json: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  to: { type: 'string' },
} as const;

/**
 * Runs `list`, `replay` or `export` on any log and the spool beside it; `print` takes lines. Rejects with
 * DeadLettersUsageError, ScatteredReplayError, and what the log rejects with.
 */
export async function deadLetters(
  args: readonly string[],
  log: EventLog,
  print: (line: string) => void,
  spool: LetterSpool | null,
): Promise<void> {
  const { action, values } = parse(args);
  const filter = { codes: values.code ?? [], topics: values.topic ?? [], at: values.at ?? [] };
  const box = await LetterBox.open(log, spool);
  try {
    if (action === 'list') await list(box, filter, values.json, print);
    else if (action === 'export') await exportTo(box, filter, values.to ?? '', print);
    else if (values['dry-run']) await announce(box, filter, print);
    else {
      const { replayed, homeless } = await box.replay(filter);
      print(`${replayed} replayed`);
      if (homeless > 0) print(`${homeless} are no record of a known topic; export them`);
    }
  } finally {
    await box.close();
  }
}

function parse(args: readonly string[]) {
  try {
    const { positionals, values } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
    const [action = ''] = positionals;
    if (!['list', 'replay', 'export'].includes(action) || positionals.length > 1) {
      throw new DeadLettersUsageError(DEAD_LETTERS_USAGE);
    }
    if (action === 'export' && values.to === undefined) {
      throw new DeadLettersUsageError('export needs --to FOLDER');
    }
    return { action, values };
  } catch (cause) {
    if (cause instanceof DeadLettersUsageError) throw cause;
    throw new DeadLettersUsageError(DEAD_LETTERS_USAGE, { cause });
  }
}

async function list(
  box: LetterBox,
  filter: LetterFilter,
  isJson: boolean,
  print: (line: string) => void,
): Promise<void> {
  for await (const { letter } of box.find(filter)) {
    print(isJson ? JSON.stringify(letter) : asLine(letter));
  }
}

async function announce(
  box: LetterBox,
  filter: LetterFilter,
  print: (line: string) => void,
): Promise<void> {
  let count = 0;
  for await (const { letter } of box.find(filter)) {
    if (letter.isReplayed) continue;
    count += 1;
    print(asLine(letter));
  }
  print(`${count} would be replayed`);
}

/** Per letter its bytes as they came, `.otlp`, and what is known of it, `.json`. */
async function exportTo(
  box: LetterBox,
  filter: LetterFilter,
  folder: string,
  print: (line: string) => void,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  let count = 0;
  for await (const { letter, record } of box.find(filter)) {
    const base = join(folder, letter.at.replace(':', '-'));
    await writeFile(`${base}.otlp`, record.value);
    await writeFile(`${base}.json`, `${JSON.stringify(letter, null, 2)}\n`);
    count += 1;
  }
  print(`${count} exported to ${folder}`);
}

/** A reason may hold bytes a device chose; a terminal must not obey them. */
function asLine(letter: Letter): string {
  const mark = letter.isReplayed ? 'replayed' : 'waiting';
  return [letter.at, letter.diedAt, mark, letter.topic, letter.code, letter.deviceId, letter.reason]
    .map((part) => part.replaceAll(/\p{C}/gu, '·'))
    .join('  ');
}
