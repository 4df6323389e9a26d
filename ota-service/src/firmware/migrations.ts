import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { z } from 'zod';
import type { FirmwareTable, FirmwareTables } from './tables.ts';

/** As the tables were until 160. */
interface ManifestTables extends FirmwareTables {
  firmware: FirmwareTable & { manifest_json: string };
}

/** Numbered; what has run anywhere is never edited. */
export const firmwareMigrations: Record<string, Migration> = {
  '100_firmware': {
    async up(db) {
      await db.schema
        .createTable('firmware')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('model', 'text', (c) => c.notNull())
        .addColumn('version', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('sha256', 'text', (c) => c.notNull())
        .addColumn('size_bytes', 'bigint', (c) => c.notNull())
        .addColumn('full_sha256', 'text', (c) => c.notNull())
        .addColumn('full_size_bytes', 'bigint', (c) => c.notNull())
        .addColumn('full_encoding', 'text', (c) => c.notNull())
        .addColumn('manifest_json', 'text', (c) => c.notNull())
        .addColumn('envelope_json', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('released_at_ms', 'bigint')
        .addUniqueConstraint('firmware_model_version', ['model', 'version'])
        .execute();
      // A poll looks its base up by digest, and so does every download.
      await db.schema.createIndex('firmware_sha256').on('firmware').column('sha256').execute();
      await db.schema
        .createIndex('firmware_full_sha256')
        .on('firmware')
        .column('full_sha256')
        .execute();
    },
  },
  '110_deltas': {
    async up(db) {
      await db.schema
        .createTable('deltas')
        .addColumn('base_sha256', 'text', (c) => c.notNull())
        .addColumn('target_sha256', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('sha256', 'text')
        .addColumn('size_bytes', 'bigint')
        .addColumn('codec', 'text', (c) => c.notNull())
        .addColumn('detail', 'text')
        .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
        .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('deltas_pair', ['base_sha256', 'target_sha256'])
        .execute();
      await db.schema.createIndex('deltas_target').on('deltas').column('target_sha256').execute();
      await db.schema.createIndex('deltas_sha256').on('deltas').column('sha256').execute();
    },
  },
  '120_firmware_details': { up: addFirmwareDetails },
  '130_models': { up: createModels },
  '140_channels': { up: createChannels },
  '150_uploads': { up: createUploads },
  '160_targets': { up: dropManifests },
};

async function addFirmwareDetails(db: Kysely<ManifestTables>): Promise<void> {
  const add = (name: string, type: 'text' | 'integer' | 'bigint') =>
    db.schema.alterTable('firmware').addColumn(name, type);
  // One column a statement: SQLite adds no more at once.
  await db.schema
    .alterTable('firmware')
    .addColumn('format', 'text', (c) => c.notNull().defaultTo('tar'))
    .execute();
  await db.schema
    .alterTable('firmware')
    .addColumn('allow_downgrade', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await add('minimum_version', 'text').execute();
  await db.schema
    .alterTable('firmware')
    .addColumn('hardware_revisions_json', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute();
  await db.schema
    .alterTable('firmware')
    .addColumn('release_notes', 'text', (c) => c.notNull().defaultTo(''))
    .execute();
  await add('withdrawn_at_ms', 'bigint').execute();
  await add('withdrawal_reason', 'text').execute();
  await add('bytes_removed_at_ms', 'bigint').execute();
  const manifest = z.object({ allowDowngrade: z.boolean().default(false) });
  for (const row of await db.selectFrom('firmware').select(['id', 'manifest_json']).execute()) {
    if (!manifest.parse(JSON.parse(row.manifest_json)).allowDowngrade) continue;
    await db.updateTable('firmware').set({ allow_downgrade: 1 }).where('id', '=', row.id).execute();
  }
}

async function createModels(db: Kysely<FirmwareTables>): Promise<void> {
  await db.schema
    .createTable('models')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('format', 'text', (c) => c.notNull())
    .addColumn('hardware_revisions_json', 'text', (c) => c.notNull())
    .addColumn('floor_version', 'text')
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
    .execute();
  // Models were implied by their firmware, which was a tar.
  const implied = await db
    .selectFrom('firmware')
    .select(['model', (q) => q.fn.min('created_at_ms').as('created_at_ms')])
    .groupBy('model')
    .execute();
  for (const { model, created_at_ms: createdAtMs } of implied) {
    await db
      .insertInto('models')
      .values({
        name: model,
        description: '',
        format: 'tar',
        hardware_revisions_json: '[]',
        floor_version: null,
        created_at_ms: createdAtMs,
        updated_at_ms: createdAtMs,
      })
      .execute();
  }
}

async function createChannels(db: Kysely<FirmwareTables>): Promise<void> {
  await db.schema
    .createTable('channels')
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('channel', 'text', (c) => c.notNull())
    .addColumn('firmware_id', 'text')
    .addColumn('updated_at_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('channels_name', ['model', 'channel'])
    .execute();
  // A withdrawal empties the channels that point at it; every view of firmware names them.
  await db.schema.createIndex('channels_firmware').on('channels').column('firmware_id').execute();
  await db.schema
    .createTable('channel_promotions')
    .addColumn('model', 'text', (c) => c.notNull())
    .addColumn('channel', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('firmware_id', 'text')
    .addColumn('version', 'text')
    .addColumn('previous_version', 'text')
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('at_ms', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('channel_promotions_seq', ['model', 'channel', 'seq'])
    .execute();
}

async function createUploads(db: Kysely<FirmwareTables>): Promise<void> {
  await db.schema
    .createTable('uploads')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('length_bytes', 'bigint', (c) => c.notNull())
    .addColumn('offset_bytes', 'bigint', (c) => c.notNull())
    .addColumn('metadata', 'text', (c) => c.notNull())
    .addColumn('firmware_id', 'text')
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('expires_at_ms', 'bigint', (c) => c.notNull())
    .execute();
}

/** What is signed follows from the other columns. */
async function dropManifests(db: Kysely<FirmwareTables>): Promise<void> {
  await db.schema.alterTable('firmware').dropColumn('manifest_json').execute();
  await db.schema.alterTable('firmware').dropColumn('envelope_json').execute();
}
