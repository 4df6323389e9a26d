import {
  decommissionOptionsSchema,
  decommissionViewSchema,
  type DecommissionView,
} from '@flotilla/contracts';
import type { DecommissionRow } from './decommission-store.ts';

const stepsSchema = decommissionViewSchema.shape.steps;

export function decommissionView(row: DecommissionRow): DecommissionView {
  return {
    step: row.step,
    options: decommissionOptionsSchema.parse(JSON.parse(row.options_json)),
    reason: row.reason,
    requestedAt: new Date(row.requested_at_ms).toISOString(),
    wipe: row.wipe,
    steps: stepsSchema.parse(JSON.parse(row.steps_json)),
    lastError: row.last_error,
  };
}
