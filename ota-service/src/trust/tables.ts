import type { Migration } from 'kysely/migration';
import type { TrustRole } from '@flotilla/trust';

/** Published metadata; the highest version of a role is the current one. */
export interface TufMetadataTable {
  role: TrustRole;
  version: number;
  /** The exact text: its hash stands in the role above it. */
  text: string;
  created_at_ms: number;
}

/** What waits for more signatures; at most one document of each offline role. */
export interface TufStagedTable {
  role: 'root' | 'targets';
  text: string;
  updated_at_ms: number;
}

export interface TrustTables {
  tuf_metadata: TufMetadataTable;
  tuf_staged: TufStagedTable;
}

export const trustMigrations: Record<string, Migration> = {
  '400_tuf': {
    async up(db) {
      await db.schema
        .createTable('tuf_metadata')
        .addColumn('role', 'text', (c) => c.notNull())
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('text', 'text', (c) => c.notNull())
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('tuf_metadata_version', ['role', 'version'])
        .execute();
      await db.schema
        .createTable('tuf_staged')
        .addColumn('role', 'text', (c) => c.primaryKey())
        .addColumn('text', 'text', (c) => c.notNull())
        .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
        .execute();
    },
  },
};
