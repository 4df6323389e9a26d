import { isAbsolute } from 'node:path';

const POSTGRES_URL = /^postgres(ql)?:\/\//;

/** Null for anything but `sqlite:/absolute/file.db`. */
export function sqliteFileOf(url: string): string | null {
  const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  return isAbsolute(file) ? file : null;
}

/** Whether several processes may share the database: PostgreSQL. */
export function isSharedDatabase(url: string): boolean {
  return POSTGRES_URL.test(url) && URL.canParse(url);
}

export function isDatabaseUrl(url: string): boolean {
  return isSharedDatabase(url) || sqliteFileOf(url) !== null;
}
