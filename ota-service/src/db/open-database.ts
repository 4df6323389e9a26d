import { mkdir } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { Kysely, type Dialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import { campaignMigrations } from '../campaigns/tables.ts';
import { ddiMigrations } from '../ddi/tables.ts';
import { deviceMigrations } from '../devices/tables.ts';
import { firmwareMigrations } from '../firmware/migrations.ts';
import { trustMigrations } from '../trust/tables.ts';
import type { Database } from './database.ts';
import { NodeSqliteDialect } from './node-sqlite-dialect.ts';

/**
 * Opens the registry and brings its schema up to date. The URL is `sqlite:/absolute/file.db`.
 * Throws DatabaseError; the caller closes with `destroy()`.
 */
export async function openDatabase(url: string): Promise<Kysely<Database>> {
  const database = new Kysely<Database>({ dialect: await dialectOf(url) });
  try {
    await migrate(database);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return database;
}

async function dialectOf(url: string): Promise<Dialect> {
  const file = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : '';
  if (!isAbsolute(file)) {
    throw new DatabaseError(`${url}: the database must be given as sqlite:/absolute/file.db`);
  }
  await mkdir(dirname(file), { recursive: true });
  return new NodeSqliteDialect(file);
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
