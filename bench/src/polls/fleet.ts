import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { DELTA_CODEC } from '@flotilla/contracts';
import { openDatabase } from '@flotilla/ota-service/src/db/open-database.ts';

export const MODEL = 'sensor';
export const GROUP = 'default';
export const BASE_VERSION = '1.0.0';
export const NEXT_VERSION = '1.1.0';
export const BASE_SHA256 = digest('base');
/** For the campaign over the whole fleet, and for the small fleets that are to break. */
export const FIRMWARE_ID = 'fw_million00000';

const DEVICES_PER_COMMIT = 50_000;

export function deviceId(index: number): string {
  return `dev-${String(index).padStart(7, '0')}`;
}

/** What a device of the fleet sends when it polls. */
export const POLL_BODY = JSON.stringify({
  runningVersion: BASE_VERSION,
  runningSha256: BASE_SHA256,
});

/** Writes the fleet, two versions and a delta between them into a registry that nobody has open. */
export async function seedRegistry(databaseUrl: string, devices: number): Promise<void> {
  await (await openDatabase(databaseUrl)).destroy();
  const database = new DatabaseSync(databaseUrl.slice('sqlite:'.length));
  // Nothing here must survive a power cut.
  database.exec('PRAGMA synchronous = OFF');
  addDevices(database, MODEL, devices, deviceId);
  addFirmware(database, 'fw_base00000000', MODEL, BASE_VERSION, BASE_SHA256);
  addFirmware(database, FIRMWARE_ID, MODEL, NEXT_VERSION, digest('next'));
  database
    .prepare(
      `INSERT INTO deltas (base_sha256, target_sha256, state, sha256, size_bytes, codec, created_at_ms, updated_at_ms)
       VALUES (?, ?, 'ready', ?, 20000, ?, 0, 0)`,
    )
    .run(BASE_SHA256, digest('next'), digest('delta'), DELTA_CODEC);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
}

export function addDevices(
  database: DatabaseSync,
  model: string,
  count: number,
  idOf: (index: number) => string,
): void {
  const insert = database.prepare(
    `INSERT INTO devices (id, model, group_name, lifecycle, firmware_version, firmware_sha256, created_at_ms)
     VALUES (?, ?, ?, 'active', ?, ?, ?)`,
  );
  const createdAtMs = Date.now();
  for (let first = 0; first < count; first += DEVICES_PER_COMMIT) {
    database.exec('BEGIN');
    for (let i = first; i < Math.min(count, first + DEVICES_PER_COMMIT); i += 1) {
      insert.run(idOf(i), model, GROUP, BASE_VERSION, BASE_SHA256, createdAtMs);
    }
    database.exec('COMMIT');
  }
}

export function addFirmware(
  database: DatabaseSync,
  id: string,
  model: string,
  version: string,
  sha256: string,
): void {
  database
    .prepare(
      `INSERT INTO firmware (id, model, version, state, sha256, size_bytes, full_sha256, full_size_bytes,
         full_encoding, created_at_ms, released_at_ms)
       VALUES (?, ?, ?, 'released', ?, 1000000, ?, 400000, 'zstd', 0, 0)`,
    )
    .run(id, model, version, sha256, digest(`${sha256} compressed`));
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
