import type { Kysely, Selectable, Transaction } from 'kysely';
import type { Database } from '../db/database.ts';
import { lockModel } from './model-store.ts';
import type { ChannelPromotionTable } from './tables.ts';

export type PromotionRow = Selectable<ChannelPromotionTable>;

export interface ChannelRow {
  readonly model: string;
  readonly channel: string;
  readonly firmware_id: string | null;
  readonly version: string | null;
  readonly updated_at_ms: number;
}

export interface PromotionCause {
  readonly actor: string;
  readonly reason: string;
}

/** Named pointers to released firmware, and how they moved. */
export class ChannelStore {
  readonly #db: Kysely<Database>;
  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** By name, ascending. */
  async ofModel(model: string): Promise<ChannelRow[]> {
    return channels(this.#db).where('channels.model', '=', model).orderBy('channel').execute();
  }

  async find(model: string, channel: string): Promise<ChannelRow | undefined> {
    return channels(this.#db)
      .where('channels.model', '=', model)
      .where('channel', '=', channel)
      .executeTakeFirst();
  }

  /** Newest first. */
  async promotions(model: string, channel: string, limit: number): Promise<PromotionRow[]> {
    return this.#db
      .selectFrom('channel_promotions')
      .selectAll()
      .where('model', '=', model)
      .where('channel', '=', channel)
      .orderBy('seq', 'desc')
      .limit(limit)
      .execute();
  }

  /**
   * Points the channel at the firmware; a promotion to where it points already leaves no line. False
   * when the firmware is not a released one of the model (any more): then nothing is written.
   */
  async promote(
    target: { readonly model: string; readonly channel: string; readonly firmwareId: string },
    cause: PromotionCause,
    nowMs: number,
  ): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      await lockModel(trx, target.model);
      const firmware = await trx
        .selectFrom('firmware')
        .select(['id', 'version'])
        .where('id', '=', target.firmwareId)
        .where('model', '=', target.model)
        .where('state', '=', 'released')
        .executeTakeFirst();
      if (firmware === undefined) return false;
      const current = await channels(trx)
        .where('channels.model', '=', target.model)
        .where('channel', '=', target.channel)
        .executeTakeFirst();
      if (current?.firmware_id === firmware.id) return true;
      await movePointer(
        trx,
        { ...target, version: current?.version ?? null },
        firmware,
        cause,
        nowMs,
      );
      return true;
    });
  }
}

/** Empties every channel that points at a firmware, inside the transaction that withdraws it. */
export async function emptyChannels(
  trx: Transaction<Database>,
  firmwareId: string,
  cause: PromotionCause,
  nowMs: number,
): Promise<void> {
  const pointing = await channels(trx).where('firmware_id', '=', firmwareId).execute();
  for (const channel of pointing) await movePointer(trx, channel, null, cause, nowMs);
}

function channels(db: Kysely<Database>) {
  return db
    .selectFrom('channels')
    .leftJoin('firmware', 'firmware.id', 'channels.firmware_id')
    .select([
      'channels.model',
      'channels.channel',
      'channels.firmware_id',
      'firmware.version',
      'channels.updated_at_ms',
    ]);
}

async function movePointer(
  trx: Transaction<Database>,
  from: { readonly model: string; readonly channel: string; readonly version: string | null },
  to: { readonly id: string; readonly version: string } | null,
  cause: PromotionCause,
  nowMs: number,
): Promise<void> {
  const { model, channel } = from;
  const pointer = { firmware_id: to?.id ?? null, updated_at_ms: nowMs };
  await trx
    .insertInto('channels')
    .values({ model, channel, ...pointer })
    .onConflict((conflict) => conflict.columns(['model', 'channel']).doUpdateSet(pointer))
    .execute();
  const { last } = await trx
    .selectFrom('channel_promotions')
    .select((q) => q.fn.max<number | null>('seq').as('last'))
    .where('model', '=', model)
    .where('channel', '=', channel)
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('channel_promotions')
    .values({
      model,
      channel,
      seq: (last ?? 0) + 1,
      firmware_id: to?.id ?? null,
      version: to?.version ?? null,
      previous_version: from.version,
      ...cause,
      at_ms: nowMs,
    })
    .execute();
}
