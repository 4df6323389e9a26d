import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { OffsetRange } from '../consume/pending-range.ts';
import { encodeText, parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';
import { RowWriter } from '../decode/row-writer.ts';
import type { Column } from '../decode/tables.ts';
import type { InsertSink } from './insert-sink.ts';

/** A batch as its sender names it; a retry carries the same name. */
export interface BatchName {
  readonly deviceId: string;
  readonly batchId: string;
}

export interface IngestedBatch extends BatchName {
  readonly offset: number;
  readonly rowCount: number;
  readonly receivedAtMs: number;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
}

const COLUMNS: readonly Column[] = [
  ['Topic', 'String'],
  ['Partition', 'UInt32'],
  ['Offset', 'UInt64'],
  ['DeviceId', 'String'],
  ['BatchId', 'String'],
  ['RowCount', 'UInt32'],
  ['ReceivedAt', "DateTime64(3, 'UTC')"],
];
const TWO_32 = 0x1_0000_0000;
/** Names asked for at once: they travel in a URL, which servers bound. */
const NAMES_PER_QUERY = 2_000;

const KNOWN_BATCHES = sqlFile('load/known-batches.sql');
const knownSchema = z.array(z.object({ DeviceId: z.string(), BatchId: z.string() }));

/** Which batches are stored; kept in the warehouse beside their rows. */
export class BatchLedger {
  readonly #client: ClickHouseClient;
  readonly #sink: InsertSink;
  readonly #newId: () => string;

  constructor(client: ClickHouseClient, sink: InsertSink, newId: () => string) {
    this.#client = client;
    this.#sink = sink;
    this.#newId = newId;
  }

  /** Names among `batches` that were stored from an offset below `beforeOffset`. */
  async known(
    partition: Partition,
    batches: readonly BatchName[],
    beforeOffset: number,
  ): Promise<ReadonlySet<string>> {
    const known = new Set<string>();
    for (let from = 0; from < batches.length; from += NAMES_PER_QUERY) {
      const some = batches.slice(from, from + NAMES_PER_QUERY);
      for (const name of await this.#knownOf(partition, some, beforeOffset)) known.add(name);
    }
    return known;
  }

  async #knownOf(
    { topic, partition }: Partition,
    batches: readonly BatchName[],
    beforeOffset: number,
  ): Promise<string[]> {
    const list = (of: (batch: BatchName) => string) =>
      [...new Set(batches.map((batch) => encodeText(of(batch))))].join(',');
    const result = await this.#client.query({
      query: KNOWN_BATCHES,
      format: 'JSONEachRow',
      clickhouse_settings: parameterSettings({
        topic,
        partition,
        device_ids: list((batch) => batch.deviceId),
        batch_ids: list((batch) => batch.batchId),
        before_offset: beforeOffset,
      }),
    });
    return knownSchema
      .parse(await result.json())
      .map(({ DeviceId, BatchId }) => batchKey({ deviceId: DeviceId, batchId: BatchId }));
  }

  /** Writing a batch down twice is harmless, so a repeat gets a token of its own. */
  async record(
    { topic, partition }: Partition,
    range: OffsetRange,
    batches: readonly IngestedBatch[],
    isRepeat: boolean,
  ): Promise<void> {
    if (batches.length === 0) return;
    const place = `${topic}/${partition}/${range.start}-${range.end}/ledger`;
    const rows = new RowWriter();
    for (const batch of batches) {
      rows.text(topic);
      rows.uint32(partition);
      writeUint64(rows, batch.offset);
      rows.text(batch.deviceId);
      rows.text(batch.batchId);
      rows.uint32(batch.rowCount);
      writeUint64(rows, batch.receivedAtMs);
    }
    await this.#sink.insert({
      table: 'flotilla_ingested_batches',
      columns: COLUMNS,
      bytes: rows.written(),
      token: isRepeat ? `${place}/${this.#newId()}` : place,
    });
  }
}

function writeUint64(rows: RowWriter, value: number): void {
  rows.uint64(value % TWO_32, Math.floor(value / TWO_32));
}

/** Ids hold no control characters, so a line feed separates them. */
export function batchKey({ deviceId, batchId }: BatchName): string {
  return `${deviceId}\n${batchId}`;
}
