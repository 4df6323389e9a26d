import { readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import {
  HEALTH_STATUSES,
  RESOURCE_SIGNALS,
  type DeviceLogs,
  type DeviceResources,
  type HealthStatus,
} from '@flotilla/contracts';
import { z } from 'zod';

/** A page must not wait for a slow warehouse. */
const TIMEOUT_MS = 5000;

const count = z.coerce.number().int();
const statusRows = z.array(z.object({ Status: z.enum(HEALTH_STATUSES), Devices: count }));
const worstRows = z.array(z.object({ DeviceId: z.string(), Status: z.enum(HEALTH_STATUSES) }));
const resourceRows = z.array(
  z.object({ Signal: z.enum(RESOURCE_SIGNALS), AtMs: count, Reading: z.number() }),
);
const logRows = z.array(
  z.object({
    AtMs: count,
    Severity: count,
    SeverityText: z.string(),
    Event: z.string(),
    Body: z.string(),
  }),
);

export type RankedDevice = z.output<typeof worstRows>[number];

/** What the console asks of the warehouse. Every method throws when it does not answer in time. */
export class FleetTelemetry {
  readonly #warehouse: ClickHouseClient;

  constructor(warehouse: ClickHouseClient) {
    this.#warehouse = warehouse;
  }

  async countByStatus(): Promise<ReadonlyMap<HealthStatus, number>> {
    const rows = await this.#ask('console-health', {}, statusRows);
    return new Map(rows.map(({ Status, Devices }) => [Status, Devices]));
  }

  /** The worst first: by status, then by score. */
  worst(
    statuses: readonly HealthStatus[],
    limit: number,
    offset: number,
  ): Promise<readonly RankedDevice[]> {
    return this.#ask('console-worst', { statuses, limit, offset }, worstRows);
  }

  async resources(
    deviceId: string,
    fromMs: number,
    stepMs: number,
  ): Promise<DeviceResources['series']> {
    const rows = await this.#ask('device-resources', { deviceId, fromMs, stepMs }, resourceRows);
    return RESOURCE_SIGNALS.map((signal) => ({
      signal,
      points: rows
        .filter((row) => row.Signal === signal)
        .map(({ AtMs, Reading }) => ({ at: new Date(AtMs).toISOString(), value: Reading })),
    }));
  }

  async logs(
    deviceId: string,
    options: { readonly fromMs: number; readonly minSeverity: number; readonly limit: number },
  ): Promise<DeviceLogs['items']> {
    const rows = await this.#ask('device-logs', { deviceId, ...options }, logRows);
    return rows.map(({ AtMs, Severity, SeverityText, Event, Body }) => ({
      at: new Date(AtMs).toISOString(),
      severity: Severity,
      severityText: SeverityText,
      event: Event,
      body: Body,
    }));
  }

  async #ask<T>(name: string, params: Record<string, unknown>, rows: z.ZodType<T>): Promise<T> {
    const result = await this.#warehouse.query({
      query: await readFile(new URL(`../../sql/${name}.sql`, import.meta.url), 'utf8'),
      query_params: params,
      format: 'JSONEachRow',
      abort_signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return rows.parse(await result.json());
  }
}
