import { HEADER_BATCH_ID, HEADER_DEVICE_ID, HEADER_RECEIVED_AT } from '@flotilla/contracts';
import {
  HEADER_UNREADABLE_BATCH,
  type StoredRecord,
  type TopicPartition,
} from '@flotilla/event-log';
import { DecodeError } from '@flotilla/otlp';
import { RowEncoder } from '../decode/row-encoder.ts';
import type { IngestedBatch } from '../load/batch-ledger.ts';
import { batchKey, type BatchName } from '../load/batch-name.ts';
import type { OffsetRange } from './pending-range.ts';

export interface Undecodable {
  readonly record: StoredRecord;
  readonly error: DecodeError;
}

/** What a range of the log comes to: rows to insert, batches to write down, and what is left out. */
export interface EncodedRange {
  readonly partition: TopicPartition;
  readonly range: OffsetRange;
  readonly rows: RowEncoder;
  readonly batches: readonly IngestedBatch[];
  /** How many are retries of batches that are stored already, or stand earlier in this range. */
  readonly duplicates: number;
  readonly undecodable: readonly Undecodable[];
  /** Held in memory until it is stored. */
  readonly sizeBytes: number;
  /** Offsets before it that the log dropped before they were read. */
  readonly lostRecords: number;
}

export interface RangeLimits {
  readonly maxRows: number;
  /** Of encoded rows. */
  readonly maxBytes: number;
}

export const NO_LIMITS: RangeLimits = { maxRows: Infinity, maxBytes: Infinity };

/** Between two turns of the event loop. */
const TURN_MS = 10;

/**
 * Encodes `records`, one after the other, until a limit is reached; at least one. A batch is new where
 * it appears first. `known` are the names stored from lower offsets, so a replay of the same range
 * decides the same. A record that cannot be decoded leaves its batch's name free for a retry.
 */
export async function encodeRange(
  partition: TopicPartition,
  records: readonly StoredRecord[],
  known: ReadonlySet<string>,
  limits: RangeLimits,
): Promise<EncodedRange> {
  const rows = new RowEncoder(partition.topic, partition.partition);
  const batches: IngestedBatch[] = [];
  let duplicates = 0;
  const undecodable: Undecodable[] = [];
  const seen = new Set<string>();
  let end = records[0]?.offset ?? 0;
  let turnEndsAt = performance.now() + TURN_MS;
  for (const record of records) {
    if (rows.rowCount >= limits.maxRows || rows.sizeBytes >= limits.maxBytes) break;
    if (performance.now() >= turnEndsAt) {
      await new Promise((resolve) => setImmediate(resolve));
      turnEndsAt = performance.now() + TURN_MS;
    }
    end = record.offset + 1;
    const name = batchNameOf(record);
    const key = name === null ? null : batchKey(name);
    if (key !== null && (known.has(key) || seen.has(key))) {
      duplicates += 1;
      continue;
    }
    const rowCount = encode(rows, record, undecodable);
    if (rowCount === null || name === null || key === null) continue;
    seen.add(key);
    const { offset } = record;
    batches.push({ ...name, offset, rowCount, receivedAtMs: receivedAtMsOf(record) });
  }
  const range = { start: records[0]?.offset ?? 0, end };
  const deadBytes = undecodable.reduce((sum, dead) => sum + dead.record.value.length, 0);
  const sizeBytes = rows.sizeBytes + deadBytes;
  return { partition, range, rows, batches, duplicates, undecodable, sizeBytes, lostRecords: 0 };
}

/** The number of rows, or null when there are none to be had. */
function encode(rows: RowEncoder, record: StoredRecord, undecodable: Undecodable[]): number | null {
  try {
    const unreadable = record.headers[HEADER_UNREADABLE_BATCH];
    if (unreadable !== undefined) throw new DecodeError('batch_unreadable', unreadable);
    return rows.add(record.offset, record.value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    undecodable.push({ record, error });
    return null;
  }
}

/** The batch's name, or null for a record that carries none: such a record is never a retry. */
export function batchNameOf(record: StoredRecord): BatchName | null {
  const batchId = record.headers[HEADER_BATCH_ID];
  if (batchId === undefined || batchId === '') return null;
  return { deviceId: record.headers[HEADER_DEVICE_ID] ?? record.key, batchId };
}

export function receivedAtMsOf(record: StoredRecord): number {
  const atMs = Date.parse(record.headers[HEADER_RECEIVED_AT] ?? '');
  return Number.isFinite(atMs) && atMs >= 0 ? atMs : record.appendedAtMs;
}
