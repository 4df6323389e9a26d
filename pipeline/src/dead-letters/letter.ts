import {
  HEADER_BATCH_ID,
  HEADER_DEVICE_ID,
  TELEMETRY_TOPICS,
  type TelemetryTopic,
} from '@flotilla/contracts';
import type { LogRecord, StoredRecord } from '@flotilla/event-log';
import type { DecodeErrorCode } from '@flotilla/otlp';
import {
  HEADER_DEAD_CODE,
  HEADER_DEAD_OFFSET,
  HEADER_DEAD_PARTITION,
  HEADER_DEAD_REASON,
  HEADER_DEAD_TOPIC,
} from '../consume/dead-letters.ts';

/** A dead letter as an operator sees it. */
export interface Letter {
  /** Where it lies in the dead-letter topic, `partition:offset`: its name in the command. */
  readonly at: string;
  readonly code: string;
  readonly reason: string;
  /** Where it came from. */
  readonly topic: string;
  readonly from: string;
  readonly deviceId: string;
  readonly batchId: string;
  readonly diedAt: string;
  readonly sizeBytes: number;
  readonly isReplayed: boolean;
}

/** Which letters are meant; an empty list means any. */
export interface LetterFilter {
  readonly codes: readonly string[];
  readonly topics: readonly string[];
  readonly at: readonly string[];
}

export function readLetter(record: StoredRecord, isReplayed: boolean): Letter {
  const { headers } = record;
  return {
    at: `${record.partition}:${record.offset}`,
    code: headers[HEADER_DEAD_CODE] ?? '',
    reason: headers[HEADER_DEAD_REASON] ?? '',
    topic: headers[HEADER_DEAD_TOPIC] ?? '',
    from: `${headers[HEADER_DEAD_PARTITION] ?? '?'}:${headers[HEADER_DEAD_OFFSET] ?? '?'}`,
    deviceId: headers[HEADER_DEVICE_ID] ?? record.key,
    batchId: headers[HEADER_BATCH_ID] ?? '',
    diedAt: new Date(record.appendedAtMs).toISOString(),
    sizeBytes: record.value.length,
    isReplayed,
  };
}

export function isMeant(letter: Letter, { codes, topics, at }: LetterFilter): boolean {
  const fits = (list: readonly string[], value: string) =>
    list.length === 0 || list.includes(value);
  return fits(codes, letter.code) && fits(topics, letter.topic) && fits(at, letter.at);
}

/**
 * The original record: same bytes, key and batch id, so that what was stored meanwhile is dropped as a
 * retry. Null when it does not say which telemetry topic it came from, or is no record but a batch that
 * could not be read.
 */
export function revived(record: StoredRecord): { topic: TelemetryTopic; record: LogRecord } | null {
  const topic = TELEMETRY_TOPICS.find((name) => name === record.headers[HEADER_DEAD_TOPIC]);
  const code: DecodeErrorCode = 'batch_unreadable';
  if (topic === undefined || record.headers[HEADER_DEAD_CODE] === code) return null;
  const kept = [HEADER_DEVICE_ID, HEADER_BATCH_ID].flatMap((name) => {
    const value = record.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    topic,
    record: { key: record.key, value: record.value, headers: Object.fromEntries(kept) },
  };
}
