import { readFileSync } from 'node:fs';

/** Text of a file below `sql/`, e.g. `health/score.sql`. Read at start, so a missing one shows then. */
export function sqlFile(path: string): string {
  return readFileSync(new URL(`../../sql/${path}`, import.meta.url), 'utf8');
}
