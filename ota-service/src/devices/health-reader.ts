import { readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import {
  deviceHealthRowSchema,
  type DeviceHealth,
  type DeviceHealthRow,
} from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';

/** A page must not wait for a slow warehouse. */
const TIMEOUT_MS = 1500;
/** A page refreshed by many people asks the warehouse once. */
const CACHE_MS = 2000;

/** Parameters travel in the URL, and an HTTP server may take no more than 16 KiB of headers. */
const IDS_PER_QUERY = 100;

interface CachedHealth {
  readonly readAtMs: number;
  readonly health: DeviceHealth | null;
}

/** Reads device health from the warehouse, and lives without it. */
export class HealthReader {
  readonly #warehouse: ClickHouseClient;
  readonly #sql: string;
  readonly #clock: () => number;
  readonly #logger: Logger;
  readonly #cache = new Map<string, CachedHealth>();
  #unavailableUntilMs = 0;
  #failing = false;

  private constructor(
    warehouse: ClickHouseClient,
    sql: string,
    clock: () => number,
    logger: Logger,
  ) {
    this.#warehouse = warehouse;
    this.#sql = sql;
    this.#clock = clock;
    this.#logger = logger;
  }

  static async create(
    warehouse: ClickHouseClient,
    clock: () => number,
    logger: Logger,
  ): Promise<HealthReader> {
    const file = new URL('../../sql/device-health.sql', import.meta.url);
    return new HealthReader(warehouse, await readFile(file, 'utf8'), clock, logger);
  }

  /** A device is absent when the warehouse does not answer, or has not computed its health yet. */
  async healthOf(deviceIds: readonly string[]): Promise<Map<string, DeviceHealth>> {
    const nowMs = this.#clock();
    this.#forget(nowMs);
    const missing = deviceIds.filter((id) => !this.#cache.has(id));
    if (missing.length > 0 && nowMs >= this.#unavailableUntilMs) await this.#load(missing, nowMs);
    return new Map(
      deviceIds.flatMap((id) => {
        const health = this.#cache.get(id)?.health ?? null;
        return health === null ? [] : [[id, health] as const];
      }),
    );
  }

  #forget(nowMs: number): void {
    for (const [id, cached] of this.#cache) {
      if (nowMs - cached.readAtMs >= CACHE_MS) this.#cache.delete(id);
    }
  }

  async #load(deviceIds: readonly string[], nowMs: number): Promise<void> {
    let rows: DeviceHealthRow[];
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const batches = batchesOf(deviceIds).map((batch) => this.#query(batch, signal));
      rows = (await Promise.all(batches)).flat();
    } catch (err) {
      this.#unavailableUntilMs = nowMs + CACHE_MS;
      // Said once per outage; pages ask every few seconds.
      if (!this.#failing) this.#logger.warn({ err }, 'the warehouse gives no device health');
      this.#failing = true;
      return;
    }
    this.#failing = false;
    for (const id of deviceIds) this.#cache.set(id, { readAtMs: nowMs, health: null });
    for (const row of rows) {
      this.#cache.set(row.DeviceId, { readAtMs: nowMs, health: toHealth(row) });
    }
  }

  async #query(deviceIds: readonly string[], signal: AbortSignal): Promise<DeviceHealthRow[]> {
    const result = await this.#warehouse.query({
      query: this.#sql,
      query_params: { deviceIds },
      format: 'JSONEachRow',
      abort_signal: signal,
    });
    return deviceHealthRowSchema.array().parse(await result.json());
  }
}

function batchesOf(deviceIds: readonly string[]): string[][] {
  const count = Math.ceil(deviceIds.length / IDS_PER_QUERY);
  return Array.from({ length: count }, (_, i) =>
    deviceIds.slice(i * IDS_PER_QUERY, (i + 1) * IDS_PER_QUERY),
  );
}

function toHealth(row: DeviceHealthRow): DeviceHealth {
  return {
    score: row.Score,
    confidence: row.Confidence,
    status: row.Status,
    contributions: row.Contributions,
    computedAt: utc(row.ComputedAt),
  };
}

/** The warehouse writes `2026-01-31 12:00:00.000`, in UTC. */
function utc(dateTime64: string): string {
  return new Date(`${dateTime64.replace(' ', 'T')}Z`).toISOString();
}
