import { sql, type Kysely, type Selectable } from 'kysely';
import type { QuarantineKind, QuarantineResolution } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import { lockName } from '../db/engine.ts';
import type { QuarantineTable } from './tables.ts';

export type QuarantineRow = Selectable<QuarantineTable>;

/** Serials that nobody made cost their sender nothing: beyond this, new ones are only counted. */
const MAX_UNKNOWN_SERIALS = 10_000;

export interface Sighting {
  readonly kind: QuarantineKind;
  readonly serial: string;
  readonly publicKeySha256: string | null;
  readonly remoteAddress: string;
  readonly detail: string;
}

/** Claims and identities that an operator has to look at; the same thing again is one entry. */
export class QuarantineStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** False when it was left out for want of room. */
  async note(sighting: Sighting, id: string, nowMs: number): Promise<boolean> {
    const { kind, serial, publicKeySha256, remoteAddress, detail } = sighting;
    const key = publicKeySha256 ?? '';
    return this.#db.transaction().execute(async (trx) => {
      await lockName(trx, 'quarantine');
      const again = await trx
        .updateTable('provisioning_quarantine')
        .set({
          attempts: sql<number>`attempts + 1`,
          last_at_ms: nowMs,
          remote_address: remoteAddress,
        })
        .where('serial', '=', serial)
        .where('kind', '=', kind)
        .where('public_key_sha256', '=', key)
        .where('resolved_at_ms', 'is', null)
        .executeTakeFirst();
      if (again.numUpdatedRows > 0n) return true;
      if (kind === 'unknown_serial' && (await this.#countOpen(kind, trx)) >= MAX_UNKNOWN_SERIALS) {
        return false;
      }
      await trx
        .insertInto('provisioning_quarantine')
        .values({
          id,
          kind,
          serial,
          public_key_sha256: key,
          remote_address: remoteAddress,
          detail,
          attempts: 1,
          first_at_ms: nowMs,
          last_at_ms: nowMs,
          resolved_at_ms: null,
          resolution: null,
          resolved_reason: null,
        })
        .execute();
      return true;
    });
  }

  /** Newest first. */
  list(filter: { isOpen: boolean | undefined; limit: number }): Promise<QuarantineRow[]> {
    return this.#db
      .selectFrom('provisioning_quarantine')
      .selectAll()
      .$if(filter.isOpen === true, (q) => q.where('resolved_at_ms', 'is', null))
      .$if(filter.isOpen === false, (q) => q.where('resolved_at_ms', 'is not', null))
      .orderBy('last_at_ms', 'desc')
      .orderBy('id')
      .limit(filter.limit)
      .execute();
  }

  async find(id: string): Promise<QuarantineRow | undefined> {
    return this.#db
      .selectFrom('provisioning_quarantine')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** False when somebody else was first. */
  async resolve(
    id: string,
    resolution: QuarantineResolution,
    reason: string,
    nowMs: number,
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('provisioning_quarantine')
      .set({ resolved_at_ms: nowMs, resolution, resolved_reason: reason })
      .where('id', '=', id)
      .where('resolved_at_ms', 'is', null)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  async #countOpen(kind: QuarantineKind, db: Kysely<Database>): Promise<number> {
    const { count } = await db
      .selectFrom('provisioning_quarantine')
      .select((q) => q.fn.countAll<number | string>().as('count'))
      .where('kind', '=', kind)
      .where('resolved_at_ms', 'is', null)
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}
