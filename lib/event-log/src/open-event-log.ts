import { isAbsolute } from 'node:path';
import {
  resolveOptions,
  type EventLogOptions,
  type MeasuredEventLog,
} from './event-log-options.ts';
import { EventLogUrlError } from './log-errors.ts';
import { SqliteEventLog } from './sqlite/sqlite-event-log.ts';

const SQLITE_SCHEME = 'sqlite:';

/** Opens the log at `url`: `sqlite:/absolute/path/log.db`. Throws EventLogUrlError for any other. */
export async function openEventLog(
  url: string,
  options: EventLogOptions = {},
): Promise<MeasuredEventLog> {
  if (!url.startsWith(SQLITE_SCHEME)) {
    throw new EventLogUrlError(
      `the event log's address must be sqlite:/absolute/path/log.db, got ${JSON.stringify(url)}`,
    );
  }
  const file = url.slice(SQLITE_SCHEME.length);
  if (!isAbsolute(file) || file.endsWith('/') || file.includes('\0')) {
    throw new EventLogUrlError(
      `sqlite: needs the absolute path of a file, as in sqlite:/var/lib/flotilla/log.db, got ${JSON.stringify(url)}`,
    );
  }
  return SqliteEventLog.open(file, resolveOptions(options));
}
