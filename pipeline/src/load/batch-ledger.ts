import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import type { OffsetRange } from '../consume/pending-range.ts';
import { encodeText, parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';
import { INSERT_SETTINGS } from './table-loader.ts';

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

const KNOWN_BATCHES = sqlFile('load/known-batches.sql');
const knownSchema = z.array(z.object({ DeviceId: z.string(), BatchId: z.string() }));

/** Which batches are stored; kept in the warehouse beside their rows. */
export class BatchLedger {
  readonly #client: ClickHouseClient;
  readonly #newId: () => string;

  constructor(client: ClickHouseClient, newId: () => string) {
    this.#client = client;
    this.#newId = newId;
  }

  /** Names among `batches` that were stored from an offset below `beforeOffset`. */
  async known(
    { topic, partition }: Partition,
    batches: readonly BatchName[],
    beforeOffset: number,
  ): Promise<ReadonlySet<string>> {
    if (batches.length === 0) return new Set();
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
    const rows = knownSchema.parse(await result.json());
    return new Set(
      rows.map(({ DeviceId, BatchId }) => batchKey({ deviceId: DeviceId, batchId: BatchId })),
    );
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
    await this.#client.insert({
      table: 'flotilla_ingested_batches',
      format: 'JSONEachRow',
      values: batches.map((batch) => ({
        Topic: topic,
        Partition: partition,
        Offset: batch.offset,
        DeviceId: batch.deviceId,
        BatchId: batch.batchId,
        RowCount: batch.rowCount,
        ReceivedAt: batch.receivedAtMs,
      })),
      clickhouse_settings: {
        ...INSERT_SETTINGS,
        insert_deduplication_token: isRepeat ? `${place}/${this.#newId()}` : place,
      },
    });
  }
}

/** Ids hold no control characters, so a line feed separates them. */
export function batchKey({ deviceId, batchId }: BatchName): string {
  return `${deviceId}\n${batchId}`;
}
