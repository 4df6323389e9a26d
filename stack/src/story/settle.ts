import type { WarehouseQuestions } from '../ledger/warehouse-rows.ts';
import type { AcknowledgedBatch, AcknowledgementLedger } from '../ledger/acknowledgement-ledger.ts';
import { TooLateError, waitUntil } from './wait-until.ts';

export interface Reconciliation {
  readonly acknowledgedRows: number;
  readonly storedRows: number;
  readonly lostRows: number;
  readonly doubledRows: number;
}

/** Rows may lie in the log for a moment after the last acknowledgement. */
const SETTLE_TIMEOUT_MS = 20_000;

/**
 * Compares what agents were told is safe with what the warehouse holds. Call it once the agents have
 * stopped: then every acknowledged batch must arrive, and nothing else may.
 */
export async function reconcile(
  ledger: AcknowledgementLedger,
  warehouse: WarehouseQuestions,
): Promise<Reconciliation> {
  let last = await compare(ledger, warehouse);
  try {
    await waitUntil('rows settle', SETTLE_TIMEOUT_MS, async () => {
      last = await compare(ledger, warehouse);
      return last.lostRows === 0 ? last : null;
    });
  } catch (error) {
    // What is still missing is the finding itself; only being late is expected here.
    if (!(error instanceof TooLateError)) throw error;
  }
  return last;
}

async function compare(
  ledger: AcknowledgementLedger,
  warehouse: WarehouseQuestions,
): Promise<Reconciliation> {
  return reconcileBatches(ledger.batches, await warehouse.rowsByBatch());
}

/**
 * Batch by batch, so that a lost one and a doubled one never cancel out. A batch nobody was told about
 * may be stored (its acknowledgement was cut off); rows of no known batch count as doubled.
 */
export function reconcileBatches(
  acknowledged: readonly AcknowledgedBatch[],
  stored: ReadonlyMap<string, number>,
): Reconciliation {
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const rowsOf = (batch: AcknowledgedBatch) => stored.get(batch.batchId) ?? 0;
  return {
    acknowledgedRows: sum(acknowledged.map((batch) => batch.rows)),
    storedRows: sum(acknowledged.map(rowsOf)),
    lostRows: sum(acknowledged.map((batch) => Math.max(0, batch.rows - rowsOf(batch)))),
    doubledRows:
      sum(acknowledged.map((batch) => Math.max(0, rowsOf(batch) - batch.rows))) +
      (stored.get('') ?? 0),
  };
}
