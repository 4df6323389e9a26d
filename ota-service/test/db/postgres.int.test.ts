import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { DatabaseError, openDatabase } from '../../src/db/open-database.ts';
import { DeviceStore } from '../../src/devices/device-store.ts';
import { describePostgres } from '../../src/testing/engines.ts';
import { sampleDevice } from './sample-device.ts';

const open: Kysely<Database>[] = [];
afterEach(async () => {
  for (const database of open.splice(0)) await database.destroy();
});

async function connect(
  url: string,
  options?: Parameters<typeof openDatabase>[1],
): Promise<Kysely<Database>> {
  const database = await openDatabase(url, options);
  open.push(database);
  return database;
}

describePostgres('the registry', (server) => {
  let url: string;
  beforeEach(async () => {
    url = await server().newDatabase();
  });

  it('brings the schema up to date once when many replicas start together', async () => {
    const databases = await Promise.all(Array.from({ length: 5 }, () => connect(url)));
    const names = databases.map(async (database) => {
      const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(
        database,
      );
      return rows.map((row) => row.name).sort();
    });
    const [first = [], ...others] = await Promise.all(names);
    expect(first.length).toBeGreaterThan(10);
    for (const other of others) expect(other).toEqual(first);
  });

  it('sorts every text by its bytes, whatever the locale', async () => {
    const database = await connect(url);
    const { rows } = await sql<{ column: string; collation: string | null }>`
      select table_name || '.' || column_name as column, collation_name as collation
      from information_schema.columns
      where table_schema = 'public' and data_type = 'text'
        and table_name not like 'kysely%'`.execute(database);
    expect(rows.length).toBeGreaterThan(40);
    expect(rows.filter(({ collation }) => collation !== 'C')).toEqual([]);
    const locale = await sql<{ less: boolean }>`select 'a' < 'B' as less`.execute(database);
    expect(locale.rows).toEqual([{ less: true }]);
    const store = new DeviceStore(database);
    for (const id of ['a', 'B', '-c', 'b-1', 'b1']) await store.insert(sampleDevice(id));
    const ids = (await store.list({ limit: 10 })).map(({ id }) => id);
    expect(ids).toEqual(['-c', 'B', 'a', 'b-1', 'b1']);
    const after = await store.list({ limit: 10, afterId: 'B' });
    expect(after.map(({ id }) => id)).toEqual(['a', 'b-1', 'b1']);
  });

  it('reads times and counts as numbers', async () => {
    const database = await connect(url);
    const store = new DeviceStore(database);
    await store.insert(sampleDevice('a'));
    expect(await store.byId('a')).toEqual(sampleDevice('a'));
    const { rows } = await sql<{ most: number }>`select 9007199254740991::bigint as most`.execute(
      database,
    );
    expect(rows).toEqual([{ most: Number.MAX_SAFE_INTEGER }]);
    const tooLarge = sql`select 9007199254740993::bigint as more`.execute(database);
    await expect(tooLarge).rejects.toThrow(RangeError);
  });

  it('keeps text that holds U+0000, which PostgreSQL knows no place for', async () => {
    const store = new DeviceStore(await connect(url));
    await store.insert(sampleDevice('a'));
    const withheld = { firmwareId: 'fw', reason: 'withdrawn', detail: 'a\0b' } as const;
    await store.setWithheld('a', withheld, 1);
    expect((await store.byId('a'))?.withheld_detail).toBe('a\u{FFFD}b');
  });

  it('ends a statement that runs too long, and goes on', async () => {
    const database = await connect(url, { poolSize: 2, statementTimeoutMs: 50 });
    await expect(sql`select pg_sleep(30)`.execute(database)).rejects.toThrow(/statement timeout/);
    expect((await sql`select 1 as one`.execute(database)).rows).toEqual([{ one: 1 }]);
  });

  it('answers again after the server crashed', async () => {
    const database = await connect(url);
    const store = new DeviceStore(database);
    await store.insert(sampleDevice('a'));
    await server().crash();
    await expect(store.byId('a')).rejects.toThrow();
    await server().restart();
    await vi.waitFor(async () => expect((await store.byId('a'))?.id).toBe('a'), 10_000);
  });

  it('says where it does not answer, and not with which password', async () => {
    const { host } = new URL(url);
    const closed = createServer();
    closed.listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    for (const [bad, words] of [
      [`postgres://me:secret@127.0.0.1:${port}/registry`, `127.0.0.1:${port}/registry`],
      [`postgres://me:secret@${host}/registry`, 'role "me" does not exist'],
      [url.replace(/test_.*/, 'nowhere'), 'database "nowhere" does not exist'],
      [`${url}?sslmode=verify-full`, 'does not support SSL'],
      [`${url}?sslrootcert=/nowhere.pem`, '/nowhere.pem'],
    ] as const) {
      const error = await openDatabase(bad).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(DatabaseError);
      expect((error as DatabaseError).message).toContain(words);
      expect((error as DatabaseError).message).not.toContain('secret');
    }
  });

  it('gives up on a server that accepts and says nothing', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    await expect(openDatabase(`postgres://me@127.0.0.1:${port}/registry`)).rejects.toThrow(
      DatabaseError,
    );
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
});
