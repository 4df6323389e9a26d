import type { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { Leases } from '../../src/db/leases.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { describePostgres } from '../../src/testing/engines.ts';

describePostgres('leases', (server) => {
  let database: Kysely<Database>;
  beforeEach(async () => {
    database = await openDatabase(await server().newDatabase());
  });
  afterEach(() => database.destroy());

  it('let one of many replicas at a time work', async () => {
    const replicas = Array.from({ length: 8 }, () => new Leases(database, 60_000));
    let atWork = 0;
    let turns = 0;
    const work = async (): Promise<void> => {
      atWork += 1;
      expect(atWork).toBe(1);
      await database.selectFrom('leases').select('name').execute();
      atWork -= 1;
      turns += 1;
    };
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(replicas.map((leases) => leases.during('work', work)));
    }
    expect(turns).toBeGreaterThanOrEqual(20);
    expect(await database.selectFrom('leases').selectAll().execute()).toEqual([]);
  });

  it('are taken over from a replica that died, and not before', async () => {
    const dead = new Leases(database, 300);
    const other = new Leases(database, 60_000);
    expect(await dead.take('work')).toBe(true);
    expect(await dead.take('work')).toBe(true);
    expect(await other.take('work')).toBe(false);
    await vi.waitFor(async () => expect(await other.take('work')).toBe(true), 10_000);
    expect(await dead.take('work')).toBe(false);
    // Whoever lost it gives nothing back.
    await dead.release('work');
    expect(await dead.take('work')).toBe(false);
  });

  it('are kept for as long as the work takes, or afterwards when asked', async () => {
    const leases = new Leases(database, 900);
    const other = new Leases(database, 60_000);
    const untilMs = async () =>
      (await database.selectFrom('leases').select('until_ms').executeTakeFirstOrThrow()).until_ms;
    await leases.during('work', async (lost) => {
      const firstMs = await untilMs();
      await vi.waitFor(async () => expect(await untilMs()).toBeGreaterThan(firstMs), 10_000);
      expect(lost.aborted).toBe(false);
      expect(await other.during('work', () => Promise.resolve())).toBeNull();
    });
    expect(await other.during('work', () => Promise.resolve('done'), { keep: true })).toEqual({
      result: 'done',
    });
    expect(await leases.take('work')).toBe(false);
  });

  it('tell the holder when they are lost', async () => {
    const leases = new Leases(database, 300);
    await leases.during('work', async (lost) => {
      await database.updateTable('leases').set({ holder: 'another' }).execute();
      await database.updateTable('leases').set({ until_ms: Number.MAX_SAFE_INTEGER }).execute();
      await vi.waitFor(() => expect(lost.aborted).toBe(true), 10_000);
    });
    const left = await database.selectFrom('leases').select('holder').execute();
    expect(left).toEqual([{ holder: 'another' }]);
  });

  it('run out for a holder whose database is away', async () => {
    const leases = new Leases(database, 300);
    await leases.during('work', async (lost) => {
      await server().crash();
      await vi.waitFor(() => expect(lost.aborted).toBe(true), 10_000);
    });
    await server().restart();
  });
});
