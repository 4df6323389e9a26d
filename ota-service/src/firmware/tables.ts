import type { FirmwareState } from '@flotilla/contracts';
import type { Migration } from 'kysely/migration';

export type TransferEncoding = 'identity' | 'zstd';
export type DeltaState = 'pending' | 'ready' | 'failed' | 'not_worthwhile';

export interface FirmwareTable {
  /** `fw_` and 12 of [0-9a-z]. */
  id: string;
  model: string;
  version: string;
  state: FirmwareState;
  /** Of the artifact itself; the manifest names it. */
  sha256: string;
  size_bytes: number;
  /** Of the bytes a whole transfer serves: the artifact, or its compressed form when smaller. */
  full_sha256: string;
  full_size_bytes: number;
  full_encoding: TransferEncoding;
  /** JSON of a Manifest. */
  manifest_json: string;
  /** JSON of an Envelope; null while a draft. */
  envelope_json: string | null;
  created_at_ms: number;
  released_at_ms: number | null;
}

/** At most one delta per pair of artifacts. */
export interface DeltaTable {
  base_sha256: string;
  target_sha256: string;
  state: DeltaState;
  /** Of the delta; null until ready. */
  sha256: string | null;
  size_bytes: number | null;
  codec: string;
  /** Why it failed or is not worthwhile, for a person. */
  detail: string | null;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface FirmwareTables {
  firmware: FirmwareTable;
  deltas: DeltaTable;
}

export const firmwareMigrations: Record<string, Migration> = {
  '100_firmware': {
    async up(db) {
      await db.schema
        .createTable('firmware')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('model', 'text', (c) => c.notNull())
        .addColumn('version', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('sha256', 'text', (c) => c.notNull())
        .addColumn('size_bytes', 'bigint', (c) => c.notNull())
        .addColumn('full_sha256', 'text', (c) => c.notNull())
        .addColumn('full_size_bytes', 'bigint', (c) => c.notNull())
        .addColumn('full_encoding', 'text', (c) => c.notNull())
        .addColumn('manifest_json', 'text', (c) => c.notNull())
        .addColumn('envelope_json', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('released_at_ms', 'bigint')
        .addUniqueConstraint('firmware_model_version', ['model', 'version'])
        .execute();
      // A poll looks its base up by digest, and so does every download.
      await db.schema.createIndex('firmware_sha256').on('firmware').column('sha256').execute();
      await db.schema
        .createIndex('firmware_full_sha256')
        .on('firmware')
        .column('full_sha256')
        .execute();
    },
  },
  '110_deltas': {
    async up(db) {
      await db.schema
        .createTable('deltas')
        .addColumn('base_sha256', 'text', (c) => c.notNull())
        .addColumn('target_sha256', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('sha256', 'text')
        .addColumn('size_bytes', 'bigint')
        .addColumn('codec', 'text', (c) => c.notNull())
        .addColumn('detail', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('deltas_pair', ['base_sha256', 'target_sha256'])
        .execute();
      await db.schema.createIndex('deltas_target').on('deltas').column('target_sha256').execute();
      await db.schema.createIndex('deltas_sha256').on('deltas').column('sha256').execute();
    },
  },
};
