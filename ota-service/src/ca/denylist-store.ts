import { sql, type Kysely } from 'kysely';
import type { DenylistPage } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';

export interface DeniedSubject {
  readonly kind: 'device' | 'certificate';
  readonly subject: string;
}

/** Who is not let in, as a log of changes: whoever read up to `seq` misses none that came later. */
export class DenylistStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Lists them, or takes them off again; stored when it resolves. */
  async set(
    subjects: readonly DeniedSubject[],
    listed: boolean,
    reason: string,
    nowMs: number,
  ): Promise<void> {
    if (subjects.length === 0) return;
    await this.#db.transaction().execute(async (trx) => {
      // One writer at a time: a number seen means that all below it are to be seen too.
      await lockName(trx, 'denylist');
      const { last } = await trx
        .selectFrom('denylist')
        .select(sql<number | string>`coalesce(max(seq), 0)`.as('last'))
        .executeTakeFirstOrThrow();
      let seq = Number(last);
      for (const subject of subjects) {
        seq += 1;
        const change = { seq, listed: listed ? 1 : 0, reason, at_ms: nowMs };
        await trx
          .insertInto('denylist')
          .values({ ...subject, ...change })
          .onConflict((conflict) => conflict.columns(['kind', 'subject']).doUpdateSet(change))
          .execute();
      }
    });
  }

  async changesAfter(after: number, limit: number): Promise<DenylistPage> {
    const rows = await this.#db
      .selectFrom('denylist')
      .select(['seq', 'kind', 'subject', 'listed', 'reason'])
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(limit + 1)
      .execute();
    const page = rows.slice(0, limit);
    return {
      entries: page.map((row) => ({ ...row, listed: row.listed === 1 })),
      nextAfter: page.at(-1)?.seq ?? after,
      more: rows.length > limit,
    };
  }
}
