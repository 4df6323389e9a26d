import { IS_CONTROL, type KafkaRecord, type RecordsBatch } from '@platformatic/kafka';
import type { StoredRecord, TopicPartition } from '../event-log.ts';

const EMPTY = new Uint8Array();
/** Bit of a batch's attributes: the broker's time stands in maxTimestamp, for all of its records. */
const IS_LOG_APPEND_TIME = 0b1000;

/**
 * Records from `offset` on, and where the next fetch goes on. Control records (a transaction's end)
 * take an offset and are left out. A record of others may lack key and value: both come out empty.
 */
export function decodeRecords(
  { topic, partition }: TopicPartition,
  offset: number,
  batches: readonly RecordsBatch[],
): { records: StoredRecord[]; nextOffset: number } {
  const records: StoredRecord[] = [];
  let nextOffset = offset;
  for (const batch of batches) {
    const first = Number(batch.firstOffset);
    const firstMs = Number(batch.firstTimestamp);
    const brokerMs = batch.attributes & IS_LOG_APPEND_TIME ? Number(batch.maxTimestamp) : null;
    if ((batch.attributes & IS_CONTROL) === 0) {
      for (const record of batch.records) {
        const at = first + record.offsetDelta;
        if (at < offset) continue;
        records.push({
          topic,
          partition,
          offset: at,
          key: record.key?.toString('utf8') ?? '',
          value: record.value ?? EMPTY,
          headers: decodeHeaders(record.headers),
          appendedAtMs: brokerMs ?? firstMs + Number(record.timestampDelta),
        });
      }
    }
    nextOffset = Math.max(nextOffset, first + batch.lastOffsetDelta + 1);
  }
  return { records, nextOffset };
}

function decodeHeaders(headers: KafkaRecord['headers']): Record<string, string> {
  return Object.fromEntries(
    headers.map(([name, value]) => [name?.toString('utf8') ?? '', value?.toString('utf8') ?? '']),
  );
}
