import { readFile } from 'node:fs/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { HEALTH_STATUSES } from '@flotilla/contracts';
import { z } from 'zod';

const count = z.coerce.number().int().nonnegative();

const breachSchema = z.object({
  Signal: z.string(),
  DeviceId: z.string(),
  Reading: z.number(),
  InBreach: count,
});
const distributionSchema = z.object({
  Model: z.string(),
  FirmwareVersion: z.string(),
  Signal: z.string(),
  Bounds: z.array(z.number()),
  Devices: count,
  Total: z.number(),
  AtMost: z.array(count),
});
const healthSchema = z.object({
  Model: z.string(),
  FirmwareVersion: z.string(),
  Status: z.enum(HEALTH_STATUSES),
  Devices: count,
});

export type BreachRow = z.output<typeof breachSchema>;
export type DistributionRow = z.output<typeof distributionSchema>;
export type FleetHealthRow = z.output<typeof healthSchema>;

export interface FleetReadings {
  readonly breaches: readonly BreachRow[];
  readonly distributions: readonly DistributionRow[];
  readonly health: readonly FleetHealthRow[];
}

/** Of one question; the client's own limit may be shorter. */
const TIMEOUT_MS = 30_000;
const sqlOf = (name: string) => readFile(new URL(`../../sql/${name}.sql`, import.meta.url), 'utf8');

/** Asks the warehouse about the fleet as a whole: a bounded number of rows, however many devices. */
export class WarehouseFleet {
  readonly #warehouse: ClickHouseClient;
  /** Devices of one signal at most. */
  readonly #breachLimit: number;

  constructor(warehouse: ClickHouseClient, breachLimit: number) {
    this.#warehouse = warehouse;
    this.#breachLimit = breachLimit;
  }

  /** Throws when the warehouse does not answer in time. */
  async read(signal: AbortSignal): Promise<FleetReadings> {
    const ask = async <T>(name: string, row: z.ZodType<T>): Promise<T[]> => {
      const result = await this.#warehouse.query({
        query: await sqlOf(name),
        query_params: { limit: this.#breachLimit },
        format: 'JSONEachRow',
        abort_signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      return z.array(row).parse(await result.json());
    };
    // One after the other: of a small warehouse the campaigns' questions shall get their part.
    return {
      breaches: await ask('fleet-breaches', breachSchema),
      distributions: await ask('fleet-distributions', distributionSchema),
      health: await ask('fleet-health', healthSchema),
    };
  }
}
