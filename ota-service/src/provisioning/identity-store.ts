import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Database } from '../db/database.ts';
import type { IdentityState } from './domain/identity-state.ts';
import type { DeviceIdentityTable, ProvisioningRuleTable } from './tables.ts';

export type IdentityRow = Selectable<DeviceIdentityTable>;

/** Identities that came about by a claim, and the rules that say what a new one gets. */
export class IdentityStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async find(deviceId: string, db: Kysely<Database> = this.#db): Promise<IdentityRow | undefined> {
    return db
      .selectFrom('device_identities')
      .selectAll()
      .where('device_id', '=', deviceId)
      .executeTakeFirst();
  }

  async put(trx: Transaction<Database>, row: IdentityRow): Promise<void> {
    await trx
      .insertInto('device_identities')
      .values(row)
      .onConflict((conflict) => conflict.column('device_id').doUpdateSet(row))
      .execute();
  }

  /** False when it is in none of these states. */
  async move(deviceId: string, from: readonly IdentityState[], to: IdentityState) {
    const result = await this.#db
      .updateTable('device_identities')
      .set({ state: to, ...(to === 'retired' && { public_key_sha256: null }) })
      .where('device_id', '=', deviceId)
      .where('state', 'in', [...from])
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  rules(db: Kysely<Database> = this.#db): Promise<ProvisioningRuleTable[]> {
    return db.selectFrom('provisioning_rules').selectAll().orderBy('name').execute();
  }

  /** False when the name is taken. */
  async addRule(row: ProvisioningRuleTable): Promise<boolean> {
    const result = await this.#db
      .insertInto('provisioning_rules')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async removeRule(id: string): Promise<boolean> {
    const result = await this.#db
      .deleteFrom('provisioning_rules')
      .where('id', '=', id)
      .executeTakeFirst();
    return result.numDeletedRows > 0n;
  }

  /** False when it was used before. */
  async useNonce(trx: Transaction<Database>, nonce: string, expiresAtMs: number): Promise<boolean> {
    const result = await trx
      .insertInto('claim_nonces')
      .values({ nonce, expires_at_ms: expiresAtMs })
      .onConflict((conflict) => conflict.column('nonce').doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n;
  }

  async forgetNonces(nowMs: number): Promise<void> {
    await this.#db.deleteFrom('claim_nonces').where('expires_at_ms', '<=', nowMs).execute();
  }
}
