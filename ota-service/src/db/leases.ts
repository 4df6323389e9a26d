import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import type { Database } from './database.ts';
import { isPostgres } from './engine.ts';

/** Of a replica that dies, the work is taken over after this long. */
export const LEASE_MS = 5000;

/** One clock for all replicas, the database's. */
const NOW_MS = sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/**
 * Lets one replica at a time do a piece of work. SQLite has one process, which holds every lease.
 * A lease saves work and waiting; what must not happen twice is guarded where it is written as well.
 */
export class Leases {
  readonly #database: Kysely<Database>;
  readonly #leaseMs: number;
  readonly #holder = randomUUID();

  constructor(database: Kysely<Database>, leaseMs = LEASE_MS) {
    this.#database = database;
    this.#leaseMs = leaseMs;
  }

  /** Takes or prolongs; false while another holds it. */
  async take(name: string): Promise<boolean> {
    if (!isPostgres(this.#database)) return true;
    const held = { holder: this.#holder, until_ms: sql<number>`${NOW_MS} + ${this.#leaseMs}` };
    const result = await this.#database
      .insertInto('leases')
      .values({ name, ...held })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet(held)
          .where((eb) =>
            eb.or([eb('leases.holder', '=', this.#holder), eb('leases.until_ms', '<=', NOW_MS)]),
          ),
      )
      .executeTakeFirst();
    return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** Does nothing when another holds it. */
  async release(name: string): Promise<void> {
    if (!isPostgres(this.#database)) return;
    await this.#database
      .deleteFrom('leases')
      .where('name', '=', name)
      .where('holder', '=', this.#holder)
      .execute();
  }

  /**
   * Does the work while it holds the name, prolonging as long as the work takes; null when another is
   * at it. The signal fires when the lease is lost, or has run out while the database was away. With
   * `keep` the name stays with this replica afterwards, until it is released or runs out.
   */
  async during<T>(
    name: string,
    work: (signal: AbortSignal) => Promise<T>,
    { keep = false }: { readonly keep?: boolean } = {},
  ): Promise<{ readonly result: T } | null> {
    let takenAtMs = performance.now();
    if (!(await this.take(name))) return null;
    const lost = new AbortController();
    const prolong = async (): Promise<void> => {
      const askedAtMs = performance.now();
      const lose = (cause?: unknown) =>
        lost.abort(new Error(`the lease of ${name} is lost`, { cause }));
      if (askedAtMs - takenAtMs > this.#leaseMs * 0.9) lose();
      try {
        if (await this.take(name)) takenAtMs = askedAtMs;
        else lose();
      } catch (error) {
        // The database may be back before the lease has run out; if not, the next turn ends it.
        if (performance.now() - takenAtMs > this.#leaseMs) lose(error);
      }
    };
    const prolonging = setInterval(() => void prolong(), this.#leaseMs / 3);
    try {
      return { result: await work(lost.signal) };
    } finally {
      clearInterval(prolonging);
      // What is not released runs out.
      if (!keep) await this.release(name).catch(() => undefined);
    }
  }
}
