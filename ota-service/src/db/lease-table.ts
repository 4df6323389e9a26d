import type { Migration } from 'kysely/migration';

/** Who does a piece of work now; a holder that dies loses it at `until_ms`. */
export interface LeaseTable {
  name: string;
  holder: string;
  /** By the database's clock. */
  until_ms: number;
}

export interface LeaseTables {
  leases: LeaseTable;
}

export const leaseMigrations: Record<string, Migration> = {
  '500_leases': {
    async up(db) {
      await db.schema
        .createTable('leases')
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('holder', 'text', (c) => c.notNull())
        .addColumn('until_ms', 'bigint', (c) => c.notNull())
        .execute();
    },
  },
};
