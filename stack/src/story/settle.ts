import type { WarehouseQuestions } from '../ledger/warehouse-rows.ts';
import type { AcknowledgementLedger } from '../ledger/acknowledgement-ledger.ts';
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
  const stored = await warehouse.deviceRows();
  const signals = ['metrics', 'logs'] as const;
  const missing = signals.map((signal) => ledger.rows(signal) - stored[signal]);
  return {
    acknowledgedRows: ledger.rows('metrics') + ledger.rows('logs'),
    storedRows: stored.metrics + stored.logs,
    lostRows: missing.reduce((sum, n) => sum + Math.max(0, n), 0),
    doubledRows: missing.reduce((sum, n) => sum + Math.max(0, -n), 0),
  };
}
