import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { sqlFile } from './sql-file.ts';

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statement: string;
  readonly checksum: string;
}

export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** The warehouse does not fit this program; it must not write to it. */
export class SchemaMismatchError extends Error {
  override readonly name = 'SchemaMismatchError';
}

/** Views hold no data, so they are simply made anew; later ones read earlier ones. */
const VIEWS = [
  'canary/update-events.sql',
  'canary/firmware-crashes.sql',
  'canary/guard-readings.sql',
  'health/update-outcomes.sql',
  'health/signals.sql',
  'health/device-states.sql',
  'health/device-health-latest.sql',
  'health/device-signals-latest.sql',
];
const LEDGER = 'schema/000-schema-migrations.sql';
const SCHEMA_FOLDER = new URL('../../sql/schema/', import.meta.url);

/** Brings the warehouse to this program's schema. Throws SchemaMismatchError when it cannot be. */
export async function migrate(client: ClickHouseClient): Promise<readonly Migration[]> {
  await client.command({ query: sqlFile(LEDGER) });
  const applied = await readLedger(client);
  const pending = pendingMigrations(readMigrations(SCHEMA_FOLDER), applied);
  for (const migration of pending) {
    await client.command({ query: migration.statement });
    await client.insert({
      table: 'flotilla_schema_migrations',
      format: 'JSONEachRow',
      values: [{ Number: migration.number, Name: migration.name, Checksum: migration.checksum }],
    });
  }
  for (const view of VIEWS) await client.command({ query: sqlFile(view) });
  return pending;
}

/** Files `NNN-name.sql` from 001 on, by number. One statement each: the server takes no more at once. */
export function readMigrations(folder: URL): Migration[] {
  return readdirSync(fileURLToPath(folder))
    .filter((file) => /^\d{3}-.+\.sql$/.test(file) && !file.startsWith('000-'))
    .sort()
    .map((file) => {
      const statement = readFileSync(new URL(file, folder), 'utf8');
      const checksum = createHash('sha256').update(statement).digest('hex');
      return { number: Number(file.slice(0, 3)), name: file, statement, checksum };
    });
}

/** What is still to apply, in order. A file is never edited once it was applied somewhere. */
export function pendingMigrations(
  files: readonly Migration[],
  applied: readonly AppliedMigration[],
): Migration[] {
  const byNumber = new Map(files.map((file) => [file.number, file]));
  if (byNumber.size !== files.length) throw new SchemaMismatchError('two files share a number');
  for (const past of applied) {
    const file = byNumber.get(past.number);
    if (file === undefined) {
      throw new SchemaMismatchError(
        `the warehouse has ${past.name}, which this version does not know; run a newer version`,
      );
    }
    if (file.checksum !== past.checksum) {
      throw new SchemaMismatchError(
        `${file.name} changed after it was applied; add a new numbered file instead`,
      );
    }
  }
  const done = new Set(applied.map((past) => past.number));
  const newest = Math.max(0, ...done);
  const pending = files.filter((file) => !done.has(file.number));
  const late = pending.find((file) => file.number < newest);
  if (late !== undefined) {
    throw new SchemaMismatchError(`${late.name} comes before ${newest}, which is applied already`);
  }
  return pending;
}

const ledgerSchema = z.array(
  z.object({ number: z.number(), name: z.string(), checksum: z.string() }),
);

async function readLedger(client: ClickHouseClient): Promise<AppliedMigration[]> {
  const result = await client.query({
    query: sqlFile('schema/read-ledger.sql'),
    format: 'JSONEachRow',
  });
  return ledgerSchema.parse(await result.json());
}
