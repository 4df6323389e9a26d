import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '@flotilla/service';
import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { DeviceStore } from '../../src/devices/device-store.ts';
import { artifactSharing } from '../../src/firmware/artifact-sharing.ts';
import { FirmwareStore } from '../../src/firmware/firmware-store.ts';
import { FirmwareUploads } from '../../src/firmware/firmware-upload.ts';
import { FolderArtifactStore } from '../../src/firmware/folder-artifact-store.ts';
import { GARBAGE_GRACE_MS, GarbageCollector } from '../../src/firmware/garbage-collector.ts';
import { GarbageStore } from '../../src/firmware/garbage-store.ts';
import { ModelStore } from '../../src/firmware/model-store.ts';
import { newRandomId } from '../../src/random-id.ts';
import { describeEngines } from '../../src/testing/engines.ts';

const KILLER = fileURLToPath(new URL('../../src/testing/garbage-kill-process.ts', import.meta.url));
const startedAtMs = Date.now();
let nowMs: number;
let folder: string;
let databaseUrl: string;
let database: Kysely<Database>;
let artifacts: FolderArtifactStore;
let firmware: FirmwareStore;
let collector: GarbageCollector;
let uploads: FirmwareUploads;
const clock = () => nowMs;

describeEngines('the artifact store', (engine) => {
  beforeEach(async () => {
    nowMs = startedAtMs;
    folder = await mkdtemp(join(tmpdir(), 'flotilla-garbage-'));
    databaseUrl = await engine.newUrl();
    database = await openDatabase(databaseUrl);
    artifacts = await FolderArtifactStore.open(
      join(folder, 'artifacts'),
      // A test may open the database anew.
      engine.name === 'postgres'
        ? { exclusively: (work) => artifactSharing(database).exclusively(work) }
        : null,
    );
    firmware = new FirmwareStore(database);
    const logger = createLogger('test', 'silent');
    collector = new GarbageCollector({
      store: new GarbageStore(database),
      artifacts,
      clock,
      logger,
    });
    uploads = new FirmwareUploads({
      store: firmware,
      models: new ModelStore(database),
      artifacts,
      maxArtifactBytes: 1e9,
      clock,
      newId: newRandomId,
    });
  });
  afterEach(async () => {
    await database.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes);
  }
  const compressible = () => Buffer.concat([randomBytes(2000), Buffer.alloc(8000)]);
  async function draft(version: string, bytes: Uint8Array = compressible()) {
    const query = {
      model: 'board',
      version,
      format: 'image',
      allowDowngrade: 'false',
      hardwareRevisions: [],
    } as const;
    const { row } = await uploads.take({ ...query, hardwareRevisions: [] }, null, chunksOf(bytes));
    return row;
  }
  async function released(version: string) {
    const row = await draft(version);
    await database
      .updateTable('firmware')
      .set({ state: 'released', released_at_ms: nowMs })
      .where('id', '=', row.id)
      .execute();
    return row;
  }
  async function withdrawn(version: string) {
    const row = await released(version);
    await firmware.withdraw(row.id, 'broken', nowMs);
    return row;
  }
  async function runs(id: string, ...digests: string[]): Promise<void> {
    const devices = new DeviceStore(database);
    await database
      .insertInto('devices')
      .values({
        id,
        model: 'board',
        group_name: 'g',
        lifecycle: 'active',
        firmware_version: null,
        firmware_sha256: null,
        created_at_ms: nowMs,
        last_seen_at_ms: null,
      })
      .execute();
    for (const firmwareSha256 of digests) {
      const state = {
        lifecycle: 'active',
        firmwareVersion: '1.0.0',
        hardwareRevision: null,
      } as const;
      await devices.setState(id, { ...state, firmwareSha256 }, nowMs);
    }
  }
  async function digests(): Promise<Set<string>> {
    const found = new Set<string>();
    for await (const { sha256 } of artifacts.list()) found.add(sha256);
    return found;
  }
  /** Every row that promises bytes has them. */
  async function expectRowsKept(): Promise<void> {
    const found = await digests();
    for (const row of await database.selectFrom('firmware').selectAll().execute()) {
      if (row.bytes_removed_at_ms === null) expect(found).toContain(row.sha256);
      if (row.state !== 'withdrawn') expect(found).toContain(row.full_sha256);
    }
    const deltas = await database.selectFrom('deltas').selectAll().execute();
    for (const row of deltas) if (row.sha256 !== null) expect(found).toContain(row.sha256);
  }

  describe('garbage collection', () => {
    it('removes what was withdrawn, after the grace, and says so before it does', async () => {
      const kept = await released('1.0.0');
      const gone = await withdrawn('2.0.0');
      nowMs += GARBAGE_GRACE_MS - 1;
      expect((await collector.run({ dryRun: false })).removed).toEqual([]);
      nowMs += 60_000;
      const planned = await collector.run({ dryRun: true });
      expect(new Set(planned.removed.map(({ sha256 }) => sha256))).toEqual(
        new Set([gone.sha256, gone.full_sha256]),
      );
      expect(planned).toMatchObject({
        removedBytes: gone.size_bytes + gone.full_size_bytes,
        keptCount: 2,
      });
      expect(await digests()).toContain(gone.sha256);
      expect(await collector.run({ dryRun: false })).toEqual({ ...planned, dryRun: false });
      expect(await digests()).toEqual(new Set([kept.sha256, kept.full_sha256]));
      expect((await firmware.byId(gone.id))?.bytes_removed_at_ms).toBe(nowMs);
      await expectRowsKept();
    });

    it('keeps what a device runs, and what it ran before', async () => {
      const before = await withdrawn('1.0.0');
      const running = await withdrawn('2.0.0');
      const long = await withdrawn('0.9.0');
      await runs('dev-1', long.sha256, before.sha256, running.sha256, running.sha256);
      nowMs += GARBAGE_GRACE_MS + 60_000;
      await collector.run({ dryRun: false });
      expect(await digests()).toEqual(new Set([before.sha256, running.sha256]));
    });

    it.each([
      ['maintenance', true],
      ['retired', false],
    ] as const)('of what a device in state %s runs, keeps it: %s', async (lifecycle, isKept) => {
      const running = await withdrawn('2.0.0');
      await runs('dev-1', running.sha256);
      await database.updateTable('devices').set({ lifecycle }).where('id', '=', 'dev-1').execute();
      nowMs += GARBAGE_GRACE_MS + 60_000;
      await collector.run({ dryRun: false });
      expect((await digests()).has(running.sha256)).toBe(isKept);
    });

    it('removes orphans of a kill between bytes and row, unless they get their row meanwhile', async () => {
      const bytes = randomBytes(3000);
      const orphan = await artifacts.stage(chunksOf(bytes), 1e6);
      await artifacts.publish(orphan);
      nowMs += GARBAGE_GRACE_MS + 60_000;
      // Published anew: the time of the file is of now, though the clock of the test is a day ahead.
      expect(await artifacts.remove(orphan.sha256, startedAtMs - 1000)).toBe(false);
      expect((await collector.run({ dryRun: false })).removed).toMatchObject([
        { sha256: orphan.sha256, reason: 'unreferenced' },
      ]);
      const row = await draft('1.0.0', bytes);
      expect(row.sha256).toBe(orphan.sha256);
      expect((await collector.run({ dryRun: false })).removed).toEqual([]);
    });

    it('leaves no row without its bytes when it is killed at any removal', async () => {
      const target = await released('3.0.0');
      const base = await withdrawn('1.0.0');
      const patch = await artifacts.stage(chunksOf(randomBytes(500)), 1e6);
      await artifacts.publish(patch);
      await database
        .insertInto('deltas')
        .values({
          base_sha256: base.sha256,
          target_sha256: target.sha256,
          state: 'ready',
          sha256: patch.sha256,
          size_bytes: patch.sizeBytes,
          codec: 'flotilla-delta-1',
          detail: null,
          created_at_ms: nowMs,
          updated_at_ms: nowMs,
        })
        .execute();
      nowMs += GARBAGE_GRACE_MS + 60_000;
      const { removed } = await collector.run({ dryRun: true });
      expect(removed).toHaveLength(3);
      for (const [round] of removed.entries()) {
        await database.destroy();
        // Of what the last kill left, the first goes and the second kills.
        const removals = round === 0 ? '0' : '1';
        const child = fork(KILLER, [folder, databaseUrl, removals, String(nowMs)], {
          execArgv: ['--disable-warning=ExperimentalWarning'],
        });
        const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
        expect(signal).toBe('SIGKILL');
        database = await openDatabase(databaseUrl);
        expect((await digests()).size).toBe(5 - round);
        await expectRowsKept();
      }
      const store = new GarbageStore(database);
      const logger = createLogger('test', 'silent');
      const next = new GarbageCollector({ store, artifacts, clock, logger });
      expect((await next.run({ dryRun: false })).removed).toHaveLength(1);
      expect(await digests()).toEqual(new Set([target.sha256, target.full_sha256]));
    });
  });
});
