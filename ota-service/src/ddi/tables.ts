import type { UpdateState } from '@flotilla/contracts';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** An offer as a DDI device knows it: by a number. */
export interface DdiActionTable {
  /** Below 2^31, for devices keep it in a C int. */
  id: number;
  device_id: string;
  campaign_id: string;
  round: number;
  phase: number;
  firmware_id: string;
  from_version: string | null;
  /** What the device has said so far; `offered` before its first word. */
  state: UpdateState;
  /** Null while the device may still answer. */
  closed_at_ms: number | null;
  created_at_ms: number;
}

export interface DdiTables {
  ddi_actions: DdiActionTable;
}

export const ddiMigrations: Record<string, Migration> = {
  '500_ddi_actions': {
    async up(db) {
      await db.schema
        .createTable('ddi_actions')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('device_id', 'text', (c) => c.notNull())
        .addColumn('campaign_id', 'text', (c) => c.notNull())
        .addColumn('round', 'integer', (c) => c.notNull())
        .addColumn('phase', 'integer', (c) => c.notNull())
        .addColumn('firmware_id', 'text', (c) => c.notNull())
        .addColumn('from_version', 'text')
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('closed_at_ms', 'bigint')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .execute();
      await db.schema
        .createIndex('ddi_actions_open')
        .on('ddi_actions')
        .column('device_id')
        .unique()
        .where(sql.ref('closed_at_ms'), 'is', null)
        .execute();
    },
  },
};
