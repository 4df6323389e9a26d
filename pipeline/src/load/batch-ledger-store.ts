import type { ClickHouseClient } from '@clickhouse/client';
import type { TopicPartition } from '@flotilla/event-log';
import { z } from 'zod';
import { encodeText, parameterSettings } from '../warehouse/query-settings.ts';
import { sqlFile } from '../warehouse/sql-file.ts';
import type { BatchName } from './batch-name.ts';

/** Names asked for at once: they travel in a URL, which servers bound. */
const NAMES_PER_QUERY = 2_000;
const PAGE_ROWS = 50_000;
const KNOWN_BATCHES = sqlFile('load/known-batches.sql');
const BATCH_NAMES = sqlFile('load/batch-names.sql');
const rowsSchema = z.array(z.object({ DeviceId: z.string(), BatchId: z.string() }));

/** What the warehouse has written down. */
export interface StoredNames {
  /** Those of `names` that were stored from an offset below `beforeOffset`. */
  lookUp(
    partition: TopicPartition,
    names: readonly BatchName[],
    beforeOffset: number,
  ): Promise<BatchName[]>;
  /** All names of the partition, page by page. */
  pages(partition: TopicPartition): AsyncIterable<readonly BatchName[]>;
}

export class WarehouseNames implements StoredNames {
  readonly #lookUps: ClickHouseClient;
  readonly #pages: ClickHouseClient;

  /** `pages` are read by a client of their own, so that look-ups and inserts do not wait for them. */
  constructor(lookUps: ClickHouseClient, pages: ClickHouseClient) {
    this.#lookUps = lookUps;
    this.#pages = pages;
  }

  async lookUp(
    { topic, partition }: TopicPartition,
    names: readonly BatchName[],
    beforeOffset: number,
  ): Promise<BatchName[]> {
    const found: BatchName[] = [];
    for (let from = 0; from < names.length; from += NAMES_PER_QUERY) {
      const some = names.slice(from, from + NAMES_PER_QUERY);
      const list = (of: (name: BatchName) => string) =>
        [...new Set(some.map((name) => encodeText(of(name))))].join(',');
      const parameters = {
        topic,
        partition,
        device_ids: list((name) => name.deviceId),
        batch_ids: list((name) => name.batchId),
        before_offset: beforeOffset,
      };
      found.push(...(await ask(this.#lookUps, KNOWN_BATCHES, parameters)));
    }
    return found;
  }

  async *pages({ topic, partition }: TopicPartition): AsyncGenerator<readonly BatchName[]> {
    let after: BatchName = { deviceId: '', batchId: '' };
    for (;;) {
      const page = await ask(this.#pages, BATCH_NAMES, {
        topic,
        partition,
        after_device: encodeText(after.deviceId),
        after_batch: encodeText(after.batchId),
        page_rows: PAGE_ROWS,
      });
      yield page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      after = last;
    }
  }
}

async function ask(
  client: ClickHouseClient,
  query: string,
  parameters: Readonly<Record<string, string | number>>,
): Promise<BatchName[]> {
  const result = await client.query({
    query,
    format: 'JSONEachRow',
    clickhouse_settings: parameterSettings(parameters),
  });
  return rowsSchema
    .parse(await result.json())
    .map(({ DeviceId, BatchId }) => ({ deviceId: DeviceId, batchId: BatchId }));
}
