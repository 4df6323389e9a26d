import type { LifecycleState, WithheldReason } from '@flotilla/contracts';
import type { Generated } from 'kysely';
import type { Migration } from 'kysely/migration';

export interface DeviceTable {
  id: string;
  model: string;
  group_name: string;
  lifecycle: LifecycleState;
  /** Of the running slot as last reported; null before the first firmware. */
  firmware_version: string | null;
  /** Digest of the artifact in the running slot: the base of a delta. */
  firmware_sha256: string | null;
  created_at_ms: number;
  last_seen_at_ms: number | null;
  /** As last told in a poll. */
  hardware_revision: Generated<string | null>;
  /** Digest of what ran before: the other slot may still hold it, and boot it again. */
  previous_firmware_sha256: Generated<string | null>;
  /** The firmware of a campaign that was held back at the last poll, and why. */
  withheld_firmware_id: Generated<string | null>;
  withheld_reason: Generated<WithheldReason | null>;
  withheld_detail: Generated<string | null>;
  withheld_since_ms: Generated<number | null>;
}

export interface DeviceTables {
  devices: DeviceTable;
}

export const deviceMigrations: Record<string, Migration> = {
  '200_devices': {
    async up(db) {
      await db.schema
        .createTable('devices')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('model', 'text', (c) => c.notNull())
        .addColumn('group_name', 'text', (c) => c.notNull())
        .addColumn('lifecycle', 'text', (c) => c.notNull())
        .addColumn('firmware_version', 'text')
        .addColumn('firmware_sha256', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('last_seen_at_ms', 'bigint')
        .execute();
      // A campaign chooses by model and group; the delta planner asks which bases a model runs.
      await db.schema
        .createIndex('devices_model_group')
        .on('devices')
        .columns(['model', 'group_name'])
        .execute();
      await db.schema
        .createIndex('devices_model_sha256')
        .on('devices')
        .columns(['model', 'firmware_sha256'])
        .execute();
    },
  },
  '210_device_compatibility': {
    async up(db) {
      const columns = [
        ['hardware_revision', 'text'],
        ['previous_firmware_sha256', 'text'],
        ['withheld_firmware_id', 'text'],
        ['withheld_reason', 'text'],
        ['withheld_detail', 'text'],
        ['withheld_since_ms', 'bigint'],
      ] as const;
      // One column a statement: SQLite adds no more at once.
      for (const [name, type] of columns) {
        await db.schema.alterTable('devices').addColumn(name, type).execute();
      }
    },
  },
  // Asked at every scrape of /metrics, and few devices have one.
  '920_devices_withheld': {
    async up(db) {
      await db.schema
        .createIndex('devices_withheld')
        .on('devices')
        .columns(['withheld_reason', 'model', 'lifecycle'])
        .where('withheld_reason', 'is not', null)
        .execute();
    },
  },
};
