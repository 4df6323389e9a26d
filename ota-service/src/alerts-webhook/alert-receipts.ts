import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';
import { MAX_ALERT_AGE_MS } from './domain/alert-decision.ts';

/** Which alerts were acted on. */
export class AlertReceipts {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async startsOf(fingerprint: string): Promise<number[]> {
    const rows = await this.#database
      .selectFrom('alert_receipts')
      .select('starts_at_ms')
      .where('fingerprint', '=', fingerprint)
      .execute();
    return rows.map((row) => row.starts_at_ms);
  }

  /** Repeats change nothing; those that are too old to be accepted again are dropped. */
  async add(
    receipt: {
      readonly fingerprint: string;
      readonly startsAtMs: number;
      readonly campaignId: string;
    },
    nowMs: number,
  ): Promise<void> {
    await this.#database
      .insertInto('alert_receipts')
      .values({
        fingerprint: receipt.fingerprint,
        starts_at_ms: receipt.startsAtMs,
        campaign_id: receipt.campaignId,
        received_at_ms: nowMs,
      })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await this.#database
      .deleteFrom('alert_receipts')
      .where('starts_at_ms', '<', nowMs - MAX_ALERT_AGE_MS)
      .where('received_at_ms', '<', nowMs - MAX_ALERT_AGE_MS)
      .execute();
  }
}
