import type { Migration } from 'kysely/migration';

/** An alert that was acted on; Alertmanager repeats a firing one for as long as it fires. */
export interface AlertReceiptRow {
  fingerprint: string;
  starts_at_ms: number;
  campaign_id: string;
  received_at_ms: number;
}

export interface AlertTables {
  alert_receipts: AlertReceiptRow;
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
};
