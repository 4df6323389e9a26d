import { readFileSync } from 'node:fs';
import { createClient } from '@clickhouse/client';
import { z } from 'zod';
import { METRIC_NAME, SIGNALS } from './batches.ts';
import type { StreamAccount } from './device-stream.ts';

const STORED = readFileSync(new URL('stored.sql', import.meta.url), 'utf8');
const count = z.coerce.number();
const storedSchema = z.array(
  z.object({
    Signal: z.enum(SIGNALS),
    DeviceId: z.string(),
    Stored: count,
    Distinct: count,
    Beyond: count,
  }),
);
export type StoredRows = z.infer<typeof storedSchema>[number];

/** Sent beside stored, point by point: every point carries its own number. */
export interface Ledger {
  readonly sent: number;
  readonly stored: number;
  readonly lost: number;
  readonly doubled: number;
  /** Rows that nobody sent. */
  readonly invented: number;
}

/** Per device: rows, different numbers among them, and numbers at or above `bound[device]`. */
export async function storedRows(
  warehouseUrl: string,
  accounts: readonly StreamAccount[],
): Promise<StoredRows[]> {
  const client = createClient({ url: warehouseUrl, request_timeout: 60_000 });
  try {
    const result = await client.query({
      query: STORED,
      format: 'JSONEachRow',
      query_params: {
        metric: METRIC_NAME,
        devices: accounts.map((account) => account.deviceId),
        bounds: accounts.map((account) => account.points),
      },
    });
    return storedSchema.parse(await result.json());
  } finally {
    await client.close();
  }
}

/** A device that has no rows at all counts with all its points as lost. */
export function balance(accounts: readonly StreamAccount[], rows: readonly StoredRows[]): Ledger {
  const total = { sent: 0, stored: 0, lost: 0, doubled: 0, invented: 0 };
  for (const { deviceId, signal, points } of accounts) {
    const row = rows.find((r) => r.DeviceId === deviceId && r.Signal === signal);
    const { Stored, Distinct, Beyond } = row ?? { Stored: 0, Distinct: 0, Beyond: 0 };
    total.sent += points;
    total.stored += Stored;
    total.doubled += Stored - Distinct;
    total.invented += Beyond;
    total.lost += points - (Distinct - Beyond);
  }
  return total;
}
