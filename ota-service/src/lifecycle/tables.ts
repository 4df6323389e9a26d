import type {
  DecommissionStep,
  LifecycleActor,
  LifecycleState,
  WipeOutcome,
} from '@flotilla/contracts';
import type { Migration } from 'kysely/migration';

/** Append-only; `seq` counts from 1 for each device. */
export interface LifecycleHistoryTable {
  device_id: string;
  seq: number;
  from_state: LifecycleState | null;
  to_state: LifecycleState;
  reason: string;
  actor: LifecycleActor;
  at_ms: number;
}

/** One for each retired device, from the order until for good. */
export interface DecommissionTable {
  device_id: string;
  step: DecommissionStep;
  /** DecommissionOptions. */
  options_json: string;
  reason: string;
  requested_at_ms: number;
  /** When the device said that its telemetry is sent, and that it is wiped. */
  drained_at_ms: number | null;
  wiped_at_ms: number | null;
  wipe: WipeOutcome | null;
  /** JSON array of { step, at, detail }. */
  steps_json: string;
  last_error: string | null;
  failures: number;
  /** Not looked at before; null when it is done. */
  next_at_ms: number | null;
}

export interface LifecycleTables {
  lifecycle_history: LifecycleHistoryTable;
  decommissions: DecommissionTable;
}

export const lifecycleMigrations: Record<string, Migration> = {
  '600_lifecycle': {
    async up(db) {
      await db.schema
        .createTable('lifecycle_history')
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('seq', 'integer', (c) => c.notNull())
        .addColumn('from_state', 'text')
        .addColumn('to_state', 'text', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('actor', 'text', (c) => c.notNull())
        .addColumn('at_ms', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('lifecycle_history_key', ['device_id', 'seq'])
        .execute();
      await db.schema
        .createTable('decommissions')
        .addColumn('device_id', 'text', (c) => c.primaryKey())
        .addColumn('step', 'text', (c) => c.notNull())
        .addColumn('options_json', 'text', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('requested_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('drained_at_ms', 'bigint')
        .addColumn('wiped_at_ms', 'bigint')
        .addColumn('wipe', 'text')
        .addColumn('steps_json', 'text', (c) => c.notNull())
        .addColumn('last_error', 'text')
        .addColumn('failures', 'integer', (c) => c.notNull())
        .addColumn('next_at_ms', 'bigint')
        .execute();
      await db.schema
        .createIndex('decommissions_due')
        .on('decommissions')
        .column('next_at_ms')
        .execute();
    },
  },
};
