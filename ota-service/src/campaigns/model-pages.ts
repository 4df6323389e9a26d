import { setImmediate } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';

const PAGE_DEVICES = 1000;

export type ModelDevice = Awaited<ReturnType<typeof devicesBehind>>[number];

/** Devices whose ids sort behind `after`, up to `last`. */
export interface ModelPage {
  readonly after: string;
  readonly last: string;
  readonly devices: readonly ModelDevice[];
}

/**
 * The devices of a model by id, in pages: so a large fleet is never held in memory and requests go in
 * between.
 */
export async function* modelPages(
  database: Kysely<Database>,
  model: string,
): AsyncGenerator<ModelPage> {
  let after = '';
  for (;;) {
    const devices = await devicesBehind(database, model, after);
    const last = devices.at(-1)?.id;
    if (last === undefined) return;
    yield { after, last, devices };
    after = last;
    // An embedded registry answers without leaving the event loop.
    await setImmediate();
  }
}

async function devicesBehind(database: Kysely<Database>, model: string, after: string) {
  return database
    .selectFrom('devices')
    .select([
      'id',
      'group_name as group',
      'lifecycle',
      'firmware_version as firmwareVersion',
      'withheld_firmware_id as withheldFirmwareId',
      'hardware_revision as hardwareRevision',
    ])
    .where('model', '=', model)
    .where('id', '>', after)
    .orderBy('id')
    .limit(PAGE_DEVICES)
    .execute();
}
