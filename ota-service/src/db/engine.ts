import { PostgresAdapter, sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { Database } from './database.ts';

/** Whether the registry is on PostgreSQL, where other replicas write at the same time. */
export function isPostgres(database: Kysely<Database>): boolean {
  return database.getExecutor().adapter instanceof PostgresAdapter;
}

/**
 * Of two transactions that lock the same name, the second waits here until the first has ended, and
 * reads from then on what it left (READ COMMITTED takes a new snapshot with each statement). SQLite
 * has one transaction at a time anyway. Lock several names in their order.
 */
export async function lockName(trx: Transaction<Database>, name: string): Promise<void> {
  if (isPostgres(trx)) await sql`select pg_advisory_xact_lock(${keyOf(name)})`.execute(trx);
}

/** 64 bits; two names that share a key only wait for each other without need. */
export function keyOf(name: string): RawBuilder<number> {
  return sql<number>`hashtextextended(${name}, 0)`;
}
