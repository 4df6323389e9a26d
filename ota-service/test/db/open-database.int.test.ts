import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { DatabaseError, openDatabase } from '../../src/db/open-database.ts';
import { DeviceStore, type DeviceRow } from '../../src/devices/device-store.ts';

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

const device = (id: string): DeviceRow => ({
  id,
  model: 'm',
  group_name: 'g',
  lifecycle: 'active',
  firmware_version: null,
  firmware_sha256: null,
  created_at_ms: 1_800_000_000_000,
  last_seen_at_ms: null,
  hardware_revision: null,
  previous_firmware_sha256: null,
  withheld_firmware_id: null,
  withheld_reason: null,
  withheld_detail: null,
  withheld_since_ms: null,
});

describe('openDatabase', () => {
  it('creates the schema once and finds the rows again', async () => {
    const first = await connect();
    await first.insertInto('devices').values(device('a')).execute();
    await first.destroy();
    open.length = 0;
    const second = await connect();
    expect(await second.selectFrom('devices').selectAll().execute()).toEqual([device('a')]);
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
        await transaction.insertInto('devices').values(device(id)).execute();
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

  it.each(['sqlite:relative.db', 'postgres://localhost/x', ''])(
    'refuses the URL %j',
    async (bad) => {
      await expect(openDatabase(bad)).rejects.toThrow(DatabaseError);
    },
  );
});

describe('DeviceStore', () => {
  it('never moves a sighting back', async () => {
    const store = new DeviceStore(await connect());
    await store.insert(device('a'));
    await store.setLastSeen(new Map([['a', 200]]));
    await store.setLastSeen(new Map([['a', 100]]));
    expect((await store.byId('a'))?.last_seen_at_ms).toBe(200);
    expect(await store.insert(device('a'))).toBe(false);
  });
});
