import { HEADER_BATCH_ID, HEADER_DEVICE_ID } from '@flotilla/contracts';
import type { LogRecord, StoredRecord } from '@flotilla/event-log';
import type { DecodeError } from '@flotilla/otlp';

export const HEADER_DEAD_CODE = 'flotilla-dead-letter-code';
export const HEADER_DEAD_REASON = 'flotilla-dead-letter-reason';
export const HEADER_DEAD_TOPIC = 'flotilla-dead-letter-topic';
export const HEADER_DEAD_PARTITION = 'flotilla-dead-letter-partition';
export const HEADER_DEAD_OFFSET = 'flotilla-dead-letter-offset';

const MAX_REASON_CHARACTERS = 500;

/** The original bytes under the original key, with why and from where. */
export function deadLetter(record: StoredRecord, error: DecodeError): LogRecord {
  const kept = [HEADER_DEVICE_ID, HEADER_BATCH_ID].flatMap((name) => {
    const value = record.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    key: record.key,
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
