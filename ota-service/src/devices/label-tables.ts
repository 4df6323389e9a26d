import type { Migration } from 'kysely/migration';

export interface DeviceLabelTable {
  device_id: string;
  key: string;
  value: string;
}

export interface LabelTables {
  device_labels: DeviceLabelTable;
}

export const labelMigrations: Record<string, Migration> = {
  '220_device_labels': {
    async up(db) {
      await db.schema
        .createTable('device_labels')
        .addColumn('device_id', 'text', (c) => c.notNull().references('devices.id'))
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('value', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('device_labels_pk', ['device_id', 'key'])
        .execute();
    },
  },
};
