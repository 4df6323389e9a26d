import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, sql } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { NodeSqliteDialect } from '../../src/db/node-sqlite-dialect.ts';
import { DatabaseError, openDatabase } from '../../src/db/open-database.ts';
import { DeviceStore } from '../../src/devices/device-store.ts';
import { deviceMigrations } from '../../src/devices/tables.ts';
import { FirmwareStore } from '../../src/firmware/firmware-store.ts';
import { firmwareMigrations } from '../../src/firmware/migrations.ts';
import { ModelStore } from '../../src/firmware/model-store.ts';
import { sampleDevice } from './sample-device.ts';

let folder: string;
let url: string;
const open: Kysely<Database>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotilla-db-'));
  url = `sqlite:${join(folder, 'deep', 'registry.db')}`;
});
afterEach(async () => {
  for (const database of open.splice(0)) await database.destroy();
  await rm(folder, { recursive: true, force: true });
});

async function connect(): Promise<Kysely<Database>> {
  const database = await openDatabase(url);
  open.push(database);
  return database;
}

describe('openDatabase', () => {
  it('creates the schema once and finds the rows again', async () => {
    const first = await connect();
    await first.insertInto('devices').values(sampleDevice('a')).execute();
    await first.destroy();
    open.length = 0;
    const second = await connect();
    expect(await second.selectFrom('devices').selectAll().execute()).toEqual([sampleDevice('a')]);
  });

  it('opens a folder of before models, channels and compatibility', async () => {
    await mkdir(join(folder, 'deep'));
    const old = new Kysely<Database>({
      dialect: new NodeSqliteDialect(url.slice('sqlite:'.length)),
    });
    open.push(old);
    const before = ['100_firmware', '110_deltas', '200_devices'];
    const all: Record<string, Migration> = { ...firmwareMigrations, ...deviceMigrations };
    const getMigrations = () =>
      Promise.resolve(Object.fromEntries(before.map((name) => [name, all[name]!])));
    await new Migrator({ db: old, provider: { getMigrations } }).migrateToLatest();
    for (const [id, version, allowDowngrade] of [
      ['fw_000000000001', '1.0.0', false],
      ['fw_000000000002', '0.9.0', true],
    ] as const) {
      const manifest = JSON.stringify({ schemaVersion: 1, model: 'cam', version, allowDowngrade });
      await sql`insert into firmware (id, model, version, state, sha256, size_bytes, full_sha256,
        full_size_bytes, full_encoding, manifest_json, envelope_json, created_at_ms, released_at_ms)
        values (${id}, 'cam', ${version}, 'released', ${id}, 10, ${id}, 10, 'identity', ${manifest},
        '{}', 1000, 2000)`.execute(old);
    }
    await sql`insert into devices (id, model, group_name, lifecycle, created_at_ms)
      values ('dev-1', 'cam', 'g', 'active', 1000)`.execute(old);
    await old.destroy();
    const database = await connect();
    expect(await new ModelStore(database).list()).toMatchObject([
      { name: 'cam', format: 'tar', floor_version: null, created_at_ms: 1000 },
    ]);
    const rows = await new FirmwareStore(database).list({ limit: 10 });
    const kept = { state: 'released', format: 'tar', hardware_revisions_json: '[]' };
    expect(rows).toMatchObject([
      { ...kept, version: '1.0.0', allow_downgrade: 0, withdrawn_at_ms: null },
      { ...kept, version: '0.9.0', allow_downgrade: 1, release_notes: '' },
    ]);
    const device = await new DeviceStore(database).byId('dev-1');
    expect(device).toMatchObject({ hardware_revision: null, withheld_reason: null });
  });

  it('waits for the disk at every commit', async () => {
    const database = await connect();
    const pragma = async (name: string): Promise<unknown> => {
      const query = sql<Record<string, unknown>>`${sql.raw(`PRAGMA ${name}`)}`;
      return Object.values((await query.execute(database)).rows[0] ?? {})[0];
    };
    expect(await pragma('journal_mode')).toBe('wal');
    // 2 is FULL.
    expect(await pragma('synchronous')).toBe(2);
    expect(await pragma('foreign_keys')).toBe(1);
    expect(await pragma('busy_timeout')).toBe(5000);
  });

  it('keeps concurrent transactions apart and undoes a failed one', async () => {
    const database = await connect();
    const write = (id: string, fail: boolean) =>
      database.transaction().execute(async (transaction) => {
        await transaction.insertInto('devices').values(sampleDevice(id)).execute();
        await new Promise((resolve) => setImmediate(resolve));
        if (fail) throw new Error('on purpose');
      });
    const results = await Promise.allSettled([
      write('a', false),
      write('b', true),
      write('c', false),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const rows = await database.selectFrom('devices').select('id').orderBy('id').execute();
    expect(rows.map((row) => row.id)).toEqual(['a', 'c']);
  });

  it.each(['sqlite:relative.db', 'mysql://localhost/x', ''])('refuses the URL %j', async (bad) => {
    await expect(openDatabase(bad)).rejects.toThrow(DatabaseError);
  });
});

describe('DeviceStore', () => {
  it('never moves a sighting back', async () => {
    const store = new DeviceStore(await connect());
    await store.insert(sampleDevice('a'));
    await store.setLastSeen(new Map([['a', 200]]));
    await store.setLastSeen(new Map([['a', 100]]));
    expect((await store.byId('a'))?.last_seen_at_ms).toBe(200);
    expect(await store.insert(sampleDevice('a'))).toBe(false);
  });
});
