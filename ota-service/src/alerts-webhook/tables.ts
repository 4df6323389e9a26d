import type { Migration } from 'kysely/migration';

/** An alert that was acted on; Alertmanager repeats a firing one for as long as it fires. */
export interface AlertReceiptRow {
  fingerprint: string;
  starts_at_ms: number;
  campaign_id: string;
  received_at_ms: number;
}

/** An alert as it was last told. */
export interface AlertStateRow {
  fingerprint: string;
  name: string;
  status: 'firing' | 'resolved';
  device_id: string | null;
  campaign_id: string | null;
  labels_json: string;
  annotations_json: string;
  starts_at_ms: number;
  told_at_ms: number;
}

export interface AlertTables {
  alert_receipts: AlertReceiptRow;
  alert_states: AlertStateRow;
}

export const alertMigrations: Record<string, Migration> = {
  '900_alert_receipts': {
    async up(db) {
      await db.schema
        .createTable('alert_receipts')
        .addColumn('fingerprint', 'text', (c) => c.notNull())
        .addColumn('starts_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('campaign_id', 'text', (c) => c.notNull())
        .addColumn('received_at_ms', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('alert_receipts_pk', ['fingerprint', 'starts_at_ms'])
        .execute();
    },
  },
  '910_alert_states': {
    async up(db) {
      await db.schema
        .createTable('alert_states')
        .addColumn('fingerprint', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('device_id', 'text')
        .addColumn('campaign_id', 'text')
        .addColumn('labels_json', 'text', (c) => c.notNull())
        .addColumn('annotations_json', 'text', (c) => c.notNull())
        .addColumn('starts_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('told_at_ms', 'bigint', (c) => c.notNull())
        .execute();
      for (const column of ['device_id', 'campaign_id', 'told_at_ms'] as const) {
        await db.schema
          .createIndex(`alert_states_${column}`)
          .on('alert_states')
          .column(column)
          .execute();
      }
    },
  },
};
