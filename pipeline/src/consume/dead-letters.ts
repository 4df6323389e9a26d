import { HEADER_BATCH_ID, HEADER_DEVICE_ID, TOPIC_DEAD_LETTERS } from '@flotilla/contracts';
import {
  InvalidRecordError,
  LogFullError,
  type EventLog,
  type LogRecord,
  type StoredRecord,
} from '@flotilla/event-log';
import type { DecodeError } from '@flotilla/otlp';
import type { Undecodable } from './encoded-range.ts';

export const HEADER_DEAD_CODE = 'flotilla-dead-letter-code';
export const HEADER_DEAD_REASON = 'flotilla-dead-letter-reason';
export const HEADER_DEAD_TOPIC = 'flotilla-dead-letter-topic';
export const HEADER_DEAD_PARTITION = 'flotilla-dead-letter-partition';
export const HEADER_DEAD_OFFSET = 'flotilla-dead-letter-offset';

const MAX_REASON_CHARACTERS = 500;
/** Records of others may come without a key, which the log does not take from us. */
const NO_KEY = 'unknown';

/** Takes letters that the log does not. */
export interface LetterSpool {
  put(name: string, letter: LogRecord, nowMs: number): Promise<void>;
}

/**
 * Sets records aside in the dead-letter topic; what a full log does not take goes to the spool, else
 * garbage of one device would hold up all devices of its partition. A repeat may set some aside twice.
 */
export async function bury(
  dead: readonly Undecodable[],
  log: Pick<EventLog, 'append'>,
  spool: LetterSpool | null,
  nowMs: number,
): Promise<void> {
  for (const { record, error } of dead) {
    const letter = deadLetter(record, error);
    try {
      await log.append(TOPIC_DEAD_LETTERS, [letter]);
    } catch (refusal) {
      const isRefused = refusal instanceof LogFullError || refusal instanceof InvalidRecordError;
      if (!isRefused || spool === null) throw refusal;
      const place = `${record.topic}-${record.partition}-${String(record.offset).padStart(16, '0')}`;
      await spool.put(place, letter, nowMs);
    }
  }
}

/** The original bytes under the original key, with why and from where. */
export function deadLetter(record: StoredRecord, error: DecodeError): LogRecord {
  const kept = [HEADER_DEVICE_ID, HEADER_BATCH_ID].flatMap((name) => {
    const value = record.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    key: record.key === '' ? NO_KEY : record.key,
    value: record.value,
    headers: {
      ...Object.fromEntries(kept),
      [HEADER_DEAD_CODE]: error.code,
      [HEADER_DEAD_REASON]: error.message.toWellFormed().slice(0, MAX_REASON_CHARACTERS),
      [HEADER_DEAD_TOPIC]: record.topic,
      [HEADER_DEAD_PARTITION]: String(record.partition),
      [HEADER_DEAD_OFFSET]: String(record.offset),
    },
  };
}
