import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { caMigrations } from '../ca/tables.ts';
import { alertMigrations } from '../alerts-webhook/tables.ts';
import { campaignMigrations } from '../campaigns/tables.ts';
import { ddiMigrations } from '../ddi/tables.ts';
import { deviceMigrations } from '../devices/tables.ts';
import { firmwareMigrations } from '../firmware/migrations.ts';
import { lifecycleMigrations } from '../lifecycle/tables.ts';
import { provisioningMigrations } from '../provisioning/tables.ts';
import { trustMigrations } from '../trust/tables.ts';
import type { Database } from './database.ts';
import { isSharedDatabase, sqliteFileOf } from './database-url.ts';
import { leaseMigrations } from './lease-table.ts';
import { NodeSqliteDialect } from './node-sqlite-dialect.ts';
import { PortableText } from './portable-text.ts';
import { openPool, POSTGRES_DEFAULTS, type PostgresOptions } from './postgres-pool.ts';

/**
 * Opens the registry and brings its schema up to date; of several replicas that start at once one
 * does, and the others wait for it. The URL is `sqlite:/absolute/file.db` or
 * `postgres://user:password@host/database`. Throws DatabaseError; the caller closes with `destroy()`.
 */
export async function openDatabase(
  url: string,
  options: PostgresOptions = POSTGRES_DEFAULTS,
): Promise<Kysely<Database>> {
  if (isSharedDatabase(url)) return openPostgres(url, options);
  const file = sqliteFileOf(url);
  if (file === null) {
    throw new DatabaseError(
      'the database must be given as sqlite:/absolute/file.db or postgres://user@host/database',
    );
  }
  await mkdir(dirname(file), { recursive: true });
  const database = new Kysely<Database>({ dialect: new NodeSqliteDialect(file) });
  try {
    await migrate(database);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return database;
}

async function openPostgres(url: string, options: PostgresOptions): Promise<Kysely<Database>> {
  // A migration of a large table, or the wait for another replica's, takes as long as it takes.
  const migrating = connect(url, { poolSize: 1, statementTimeoutMs: 0 });
  try {
    await requireAnswer(migrating, url);
    await migrate(migrating);
  } finally {
    await migrating.destroy();
  }
  return connect(url, options);
}

function connect(url: string, options: PostgresOptions): Kysely<Database> {
  return new Kysely<Database>({
    dialect: new PostgresDialect({ pool: openPool(url, options) }),
    plugins: [new PortableText()],
  });
}

async function requireAnswer(database: Kysely<Database>, url: string): Promise<void> {
  try {
    await sql`select 1`.execute(database);
  } catch (cause) {
    // Without user and password, which the URL holds as well.
    const { host, pathname } = new URL(url);
    const where = `${host}${pathname}`;
    throw new DatabaseError(`PostgreSQL at ${where} cannot be used: ${reasonOf(cause)}`, { cause });
  }
}

/** A host with several addresses gives an AggregateError, which has no message. */
function reasonOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  return first instanceof Error ? first.message : String(first);
}

async function migrate(database: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: {
      getMigrations: () =>
        Promise.resolve({
          ...firmwareMigrations,
          ...deviceMigrations,
          ...campaignMigrations,
          ...ddiMigrations,
          ...trustMigrations,
          ...lifecycleMigrations,
          ...caMigrations,
          ...provisioningMigrations,
          ...leaseMigrations,
          ...alertMigrations,
        }),
    },
    // Each concept numbers its own (100, 200, 300), so a later one may sort before one that ran.
    allowUnorderedMigrations: true,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find((result) => result.status === 'Error')?.migrationName;
  throw new DatabaseError(`the schema could not be brought up to date (${failed ?? 'at start'})`, {
    cause: error,
  });
}

export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
}
