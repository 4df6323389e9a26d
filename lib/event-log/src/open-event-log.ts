import { isAbsolute } from 'node:path';
import {
  resolveOptions,
  type EventLogOptions,
  type MeasuredEventLog,
} from './event-log-options.ts';
import { KafkaEventLog } from './kafka/kafka-event-log.ts';
import { parseKafkaUrl } from './kafka/kafka-settings.ts';
import { EventLogUrlError } from './log-errors.ts';
import { SqliteEventLog } from './sqlite/sqlite-event-log.ts';

const SQLITE_SCHEME = 'sqlite:';
const KAFKA_SCHEME = 'kafka:';

/**
 * Opens the log at `url`: `sqlite:/absolute/path/log.db`, or
 * `kafka://[user:password@]host:port[,host:port]/?option=value` (see kafka-settings.ts). Throws
 * EventLogUrlError for any other. Kafka is first spoken to when the log is used.
 */
export async function openEventLog(
  url: string,
  options: EventLogOptions = {},
): Promise<MeasuredEventLog> {
  if (url.startsWith(KAFKA_SCHEME)) {
    return new KafkaEventLog(parseKafkaUrl(url), resolveOptions(options));
  }
  if (!url.startsWith(SQLITE_SCHEME)) {
    throw new EventLogUrlError(
      `the event log's address must be sqlite:/absolute/path/log.db or kafka://host:port/, got ${JSON.stringify(url)}`,
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
