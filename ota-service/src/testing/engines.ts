import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { postgresPrograms, startPostgres, type PostgresServer } from './postgres.ts';

/** A database engine while a suite runs. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres';
  /** Of a new, empty registry; the engine removes it when the suite has ended. */
  newUrl(): Promise<string>;
}

/**
 * Declares a suite once for each engine. Where there is no PostgreSQL its half is skipped and says
 * what to install; in CI it fails.
 */
export function describeEngines(name: string, suite: (engine: Engine) => void): void {
  describe(`${name} on SQLite`, () => suite(sqlite()));
  describePostgres(name, (server) =>
    suite({ name: 'postgres', newUrl: () => server().newDatabase() }),
  );
}

/** The half of `describeEngines` that is about PostgreSQL alone. */
export function describePostgres(
  name: string,
  suite: (server: () => PostgresServer) => void,
): void {
  const isMissing = postgresPrograms() === null && process.env['CI'] === undefined;
  const hint = isMissing ? ' (apt-get install postgresql-15)' : '';
  describe.skipIf(isMissing)(`${name} on PostgreSQL${hint}`, () => {
    let server: PostgresServer | undefined;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(async () => server?.close());
    suite(() => {
      if (server === undefined) throw new Error('the server runs only during tests');
      return server;
    });
  });
}

function sqlite(): Engine {
  let folder = '';
  let files = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-sqlite-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    name: 'sqlite',
    newUrl: () => Promise.resolve(`sqlite:${join(folder, `registry-${(files += 1)}.db`)}`),
  };
}
