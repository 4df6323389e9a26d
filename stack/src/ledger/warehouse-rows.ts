import { readFileSync } from 'node:fs';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';

const sql = (name: string) =>
  readFileSync(new URL(`../../sql/${name}.sql`, import.meta.url), 'utf8');
const ROWS_BY_BATCH = sql('rows-by-batch');
const FIRST_FAILURE = sql('first-failure');
const OUTCOMES = sql('outcomes');

const numberLike = z.union([z.number(), z.string().transform(Number)]);
const batchRowsSchema = z.object({ batchId: z.string(), rows: numberLike });
const firstFailureSchema = z.object({ firstFailureMs: numberLike, firstCrashMs: numberLike });
const outcomeSchema = z.object({ device: z.string(), outcome: z.string(), reason: z.string() });
export type DeviceOutcome = z.infer<typeof outcomeSchema>;

/** Questions the demo and the end-to-end tests put to the warehouse, over its HTTP interface. */
export class WarehouseQuestions {
  readonly #client: ClickHouseClient;
  constructor(url: string) {
    this.#client = createClient({ url, request_timeout: 10_000 });
  }

  /** Rows stored from devices' telemetry, by the agent's batch id; '' where no batch is known. */
  async rowsByBatch(): Promise<Map<string, number>> {
    const batches = await this.#all(batchRowsSchema, ROWS_BY_BATCH, {});
    return new Map(batches.map(({ batchId, rows }) => [batchId, rows]));
  }

  /** When a campaign's first final failure happened on a device, ms since the epoch; 0 if never. */
  async firstFailure(campaign: string): Promise<{ firstFailureMs: number; firstCrashMs: number }> {
    return this.#one(firstFailureSchema, FIRST_FAILURE, { campaign });
  }

  /** The final outcome of each device in a campaign. */
  async outcomes(campaign: string): Promise<DeviceOutcome[]> {
    return this.#all(outcomeSchema, OUTCOMES, { campaign });
  }

  /** Rows of any query, as the warehouse names them. */
  async rows(query: string): Promise<Record<string, unknown>[]> {
    return this.#all(z.record(z.string(), z.unknown()), query, {});
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #one<T extends z.ZodType>(
    schema: T,
    query: string,
    parameters: Record<string, unknown>,
  ): Promise<z.output<T>> {
    const [row] = await this.#all(schema, query, parameters);
    if (row === undefined) throw new Error('the warehouse answered with no row');
    return row;
  }

  async #all<T extends z.ZodType>(
    schema: T,
    query: string,
    parameters: Record<string, unknown>,
  ): Promise<z.output<T>[]> {
    const result = await this.#client.query({
      query,
      query_params: parameters,
      format: 'JSONEachRow',
    });
    return z.array(schema).parse(await result.json());
  }
}
