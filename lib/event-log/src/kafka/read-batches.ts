import { crc32c } from '@platformatic/kafka';
import { HEADER_UNREADABLE_BATCH, type StoredRecord, type TopicPartition } from '../event-log.ts';
import type { AbortedTransaction } from './fetch-request.ts';
import { inflateBatch } from './inflate-batch.ts';
import { BATCH_LAYOUT, MAGIC } from './record-batch.ts';
import { readRecords } from './read-records.ts';
import { UnreadableBatchError } from './unreadable-batch.ts';

const IS_COMPRESSED = 0b111;
/** The broker's time stands in the batch's largest timestamp, for all of its records. */
const IS_LOG_APPEND_TIME = 0b1000;
const IS_TRANSACTIONAL = 0b1_0000;
const IS_CONTROL = 0b10_0000;
/** Type of a control record that ends a transaction by giving it up. */
const ABORT = 0;

/** Twenty times what a broker takes by default; a batch of OTLP shrinks to a twentieth at best. */
export const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

export interface BatchReading {
  readonly records: StoredRecord[];
  /** Where the next fetch goes on. */
  readonly nextOffset: number;
  /** Batches that came out as one record with the reason in HEADER_UNREADABLE_BATCH. */
  readonly unreadable: number;
}

/**
 * Records from `offset` on. What an aborted transaction wrote is left out, and so are control records,
 * which take an offset. A batch that cannot be read (its checksum is wrong, it inflates beyond
 * `maxInflatedBytes`, its compression or a length in it is no such) must not stop the partition: its
 * bytes come out as the value of a single record at its last offset, with the reason in a header.
 */
export function readBatches(
  at: TopicPartition,
  offset: number,
  bytes: Buffer,
  aborted: readonly AbortedTransaction[] = [],
  maxInflatedBytes = MAX_INFLATED_BYTES,
): BatchReading {
  const records: StoredRecord[] = [];
  const transactions = new Transactions(aborted);
  let nextOffset = offset;
  let unreadable = 0;
  for (const batch of splitBatches(bytes)) {
    if (batch.end <= offset) continue;
    try {
      for (const record of readBatch(at, batch, transactions, maxInflatedBytes)) {
        if (record.offset >= offset) records.push(record);
      }
    } catch (error) {
      if (!(error instanceof UnreadableBatchError)) throw error;
      unreadable += 1;
      records.push(asRecord(at, batch, error));
    }
    nextOffset = Math.max(nextOffset, batch.end);
  }
  return { records, nextOffset, unreadable };
}

interface Batch {
  readonly bytes: Buffer;
  readonly first: number;
  /** The offset behind its last record. */
  readonly end: number;
}

/** Batches that are there as a whole; a length that cannot be one's ends the reading. */
function* splitBatches(bytes: Buffer): Generator<Batch> {
  for (let at = 0; at + BATCH_LAYOUT.records <= bytes.length;) {
    const next = at + BATCH_LAYOUT.leaderEpoch + bytes.readInt32BE(at + BATCH_LAYOUT.length);
    if (next > bytes.length) return;
    if (next < at + BATCH_LAYOUT.records) {
      throw new Error(`a batch at byte ${at} of a fetch answer is shorter than its head`);
    }
    const first = Number(bytes.readBigInt64BE(at));
    // Behind a batch whose own count may be damaged, the next one says where it begins.
    const following =
      next + BATCH_LAYOUT.length <= bytes.length ? Number(bytes.readBigInt64BE(next)) : Infinity;
    const last = first + Math.max(0, bytes.readInt32BE(at + BATCH_LAYOUT.lastOffsetDelta));
    const end = Math.max(first + 1, Math.min(last + 1, following));
    yield { bytes: bytes.subarray(at, next), first, end };
    at = next;
  }
}

function readBatch(
  { topic, partition }: TopicPartition,
  { bytes, first }: Batch,
  transactions: Transactions,
  maxInflatedBytes: number,
): StoredRecord[] {
  if (bytes[BATCH_LAYOUT.magic] !== MAGIC) {
    throw new UnreadableBatchError(`format ${bytes[BATCH_LAYOUT.magic] ?? 0} is not read`);
  }
  if (crc32c(bytes.subarray(BATCH_LAYOUT.attributes)) !== bytes.readUInt32BE(BATCH_LAYOUT.crc)) {
    throw new UnreadableBatchError('its checksum is wrong');
  }
  const attributes = bytes.readInt16BE(BATCH_LAYOUT.attributes);
  const producerId = bytes.readBigInt64BE(BATCH_LAYOUT.producerId);
  const stored = bytes.subarray(BATCH_LAYOUT.records);
  const count = bytes.readInt32BE(BATCH_LAYOUT.count);
  if ((attributes & IS_CONTROL) !== 0) {
    // The key of a control record: its version and its type, 16 bits each.
    const key = readRecords(stored, count)[0]?.key ?? null;
    if (key !== null && key.length >= 4 && key.readInt16BE(2) === ABORT) {
      transactions.endAborted(producerId);
    }
    return [];
  }
  if ((attributes & IS_TRANSACTIONAL) !== 0 && transactions.isAborted(producerId, first)) return [];
  const codec = attributes & IS_COMPRESSED;
  const plain = codec === 0 ? stored : inflateBatch(stored, codec, maxInflatedBytes);
  const firstMs = Number(bytes.readBigInt64BE(BATCH_LAYOUT.firstTimestamp));
  const brokerMs =
    (attributes & IS_LOG_APPEND_TIME) === 0
      ? null
      : Number(bytes.readBigInt64BE(BATCH_LAYOUT.maxTimestamp));
  return readRecords(plain, count).map(({ key, value, headers, offsetDelta, timeDelta }) => ({
    topic,
    partition,
    offset: first + offsetDelta,
    key: key?.toString('utf8') ?? '',
    value,
    headers,
    appendedAtMs: brokerMs ?? firstMs + timeDelta,
  }));
}

/** No OTLP request begins like a batch, with the first byte of an offset, so it becomes a dead letter. */
function asRecord(
  { topic, partition }: TopicPartition,
  { bytes, end }: Batch,
  { message }: UnreadableBatchError,
): StoredRecord {
  return {
    topic,
    partition,
    offset: end - 1,
    key: '',
    value: bytes,
    headers: { [HEADER_UNREADABLE_BATCH]: message },
    appendedAtMs: Number(bytes.readBigInt64BE(BATCH_LAYOUT.firstTimestamp)),
  };
}

/** Which producers' transactions are aborted at a place: from their first offset to their end marker. */
class Transactions {
  readonly #aborted: readonly AbortedTransaction[];
  readonly #ended = new Map<bigint, number>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#aborted = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  }

  isAborted(producerId: bigint, offset: number): boolean {
    const begun = this.#aborted.filter(
      (entry) => entry.producerId === producerId && Number(entry.firstOffset) <= offset,
    ).length;
    return begun > (this.#ended.get(producerId) ?? 0);
  }

  endAborted(producerId: bigint): void {
    this.#ended.set(producerId, (this.#ended.get(producerId) ?? 0) + 1);
  }
}
