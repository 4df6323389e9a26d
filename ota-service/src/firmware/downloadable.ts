import type { Kysely } from 'kysely';
import type { Database } from '../db/database.ts';

/**
 * Whether devices of a model may download these bytes: a released firmware of that model, in either
 * form, or a delta towards one.
 */
export async function isDownloadable(
  db: Kysely<Database>,
  sha256: string,
  model: string,
): Promise<boolean> {
  const firmware = await db
    .selectFrom('firmware')
    .select('id')
    .where('model', '=', model)
    .where('state', '=', 'released')
    .where((eb) => eb.or([eb('sha256', '=', sha256), eb('full_sha256', '=', sha256)]))
    .limit(1)
    .executeTakeFirst();
  if (firmware !== undefined) return true;
  const delta = await db
    .selectFrom('deltas')
    .innerJoin('firmware', 'firmware.sha256', 'deltas.target_sha256')
    .select('deltas.sha256')
    .where('deltas.sha256', '=', sha256)
    .where('firmware.model', '=', model)
    .where('firmware.state', '=', 'released')
    .limit(1)
    .executeTakeFirst();
  return delta !== undefined;
}
