import type { Kysely, Selectable } from 'kysely';
import type { UpdateState } from '@flotilla/contracts';
import type { Database } from '../db/database.ts';
import type { DdiActionTable } from './tables.ts';

export type DdiAction = Selectable<DdiActionTable>;

/** Numbered offers to DDI devices; a device has at most one that is open. */
export class DdiActionStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async openOf(deviceId: string): Promise<DdiAction | undefined> {
    return this.#db
      .selectFrom('ddi_actions')
      .selectAll()
      .where('device_id', '=', deviceId)
      .where('closed_at_ms', 'is', null)
      .executeTakeFirst();
  }

  async find(id: number, deviceId: string): Promise<DdiAction | undefined> {
    return this.#db
      .selectFrom('ddi_actions')
      .selectAll()
      .where('id', '=', id)
      .where('device_id', '=', deviceId)
      .executeTakeFirst();
  }

  /**
   * The open action of the device: this one, or one that another replica opened at the same time. Null
   * when the id is taken.
   */
  async open(action: Omit<DdiAction, 'state' | 'closed_at_ms'>): Promise<DdiAction | null> {
    await this.#db
      .insertInto('ddi_actions')
      .values({ ...action, state: 'offered', closed_at_ms: null })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return (await this.openOf(action.device_id)) ?? null;
  }

  async setState(id: number, state: UpdateState, closedAtMs: number | null): Promise<void> {
    await this.#db
      .updateTable('ddi_actions')
      .set({ state, closed_at_ms: closedAtMs })
      .where('id', '=', id)
      .where('closed_at_ms', 'is', null)
      .execute();
  }

  /** Without an outcome: the device gave the offer back. */
  async close(id: number, nowMs: number): Promise<void> {
    await this.#db
      .updateTable('ddi_actions')
      .set({ closed_at_ms: nowMs })
      .where('id', '=', id)
      .where('closed_at_ms', 'is', null)
      .execute();
  }
}
