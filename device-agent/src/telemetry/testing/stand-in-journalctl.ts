#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';

/**
 * Speaks the part of journalctl's language that the agent uses: entries of the file
 * `journal.json`, beside this program's link, one JSON object a line, from behind `--after-cursor`.
 * Without a cursor it begins with the first. Ends by itself after as many entries as a file `die-after`
 * says, and at once when there is a file `unknown-cursors` and it is given one.
 */
const folder = new URL('.', `file://${process.argv[1] ?? ''}`);
const cursor = process.argv.find((arg) => arg.startsWith('--after-cursor='))?.split('=')[1];
const file = new URL('journal.json', folder);
const limitFile = new URL('die-after', folder);
if (cursor !== undefined && existsSync(new URL('unknown-cursors', folder))) process.exit(1);
let sent = 0;
let position = Number(cursor ?? 0);

function step(): void {
  const limit = existsSync(limitFile) ? Number(readFileSync(limitFile, 'utf8')) : Infinity;
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  for (const line of lines.slice(position)) {
    if (sent >= limit) process.exit(1);
    position += 1;
    sent += 1;
    process.stdout.write(`${withCursor(line)}\n`);
  }
}
/** What is no JSON is passed on as it is. */
function withCursor(line: string): string {
  try {
    return JSON.stringify({ ...JSON.parse(line), __CURSOR: String(position) });
  } catch {
    return line;
  }
}
setInterval(step, 20);
