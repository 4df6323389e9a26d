import { HEADER_BATCH_ID, HEADER_DEVICE_ID, HEADER_RECEIVED_AT } from '@flotilla/contracts';
import type { StoredRecord } from '@flotilla/event-log';
import { DecodeError } from '@flotilla/otlp';
import { decodeRequest } from '../decode/decode-request.ts';
import { countRows, type DecodedRows } from '../decode/rows.ts';
import { batchKey, type BatchName } from '../load/batch-ledger.ts';

/** A record with its rows, or with the reason it has none. */
export type DecodedRecord =
  | { readonly record: StoredRecord; readonly rows: DecodedRows; readonly rowCount: number }
  | { readonly record: StoredRecord; readonly error: DecodeError };

export function decodeRecord(record: StoredRecord): DecodedRecord {
  try {
    const rows = decodeRequest(record.topic, record.value);
    return { record, rows, rowCount: countRows(rows) };
  } catch (error) {
    if (error instanceof DecodeError) return { record, error };
    throw error;
  }
}

/** How many of `records` go into one batch: up to `maxRows` rows, and at least one record. */
export function takeRows(records: readonly DecodedRecord[], maxRows: number): number {
  let rows = 0;
  for (const [index, decoded] of records.entries()) {
    rows += 'error' in decoded ? 0 : decoded.rowCount;
    if (rows > maxRows && index > 0) return index;
  }
  return records.length;
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

export interface SortedRange {
  readonly fresh: readonly Extract<DecodedRecord, { rows: DecodedRows }>[];
  readonly duplicates: readonly StoredRecord[];
  readonly undecodable: readonly Extract<DecodedRecord, { error: DecodeError }>[];
}

/**
 * Tells new records from an agent's retries: a batch is new where it appears first. `known` are the
 * names stored from lower offsets, so a replay of the same range decides the same.
 */
export function sortRange(
  records: readonly DecodedRecord[],
  known: ReadonlySet<string>,
): SortedRange {
  const seen = new Set(known);
  const fresh: Extract<DecodedRecord, { rows: DecodedRows }>[] = [];
  const duplicates: StoredRecord[] = [];
  const undecodable: Extract<DecodedRecord, { error: DecodeError }>[] = [];
  for (const decoded of records) {
    if ('error' in decoded) {
      undecodable.push(decoded);
      continue;
    }
    const name = batchNameOf(decoded.record);
    const key = name === null ? null : batchKey(name);
    if (key !== null && seen.has(key)) {
      duplicates.push(decoded.record);
      continue;
    }
    if (key !== null) seen.add(key);
    fresh.push(decoded);
  }
  return { fresh, duplicates, undecodable };
}
