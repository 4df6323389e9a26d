import type { Kysely } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { ChannelStore } from '../../src/firmware/channel-store.ts';
import { FirmwareStore, type FirmwareRow } from '../../src/firmware/firmware-store.ts';
import { ModelStore } from '../../src/firmware/model-store.ts';
import { describePostgres } from '../../src/testing/engines.ts';

const CAUSE = { actor: 'operator', reason: 'a race' };

const firmwareRow = (id: string, version: string): FirmwareRow => ({
  ...{ id, model: 'cam', version, state: 'draft', sha256: 'a'.repeat(64), size_bytes: 1 },
  ...{ full_sha256: 'a'.repeat(64), full_size_bytes: 1, full_encoding: 'identity' },
  ...{ format: 'image', allow_downgrade: 0, minimum_version: null, hardware_revisions_json: '[]' },
  ...{ release_notes: '', created_at_ms: 1, released_at_ms: null, withdrawn_at_ms: null },
  ...{ withdrawal_reason: null, bytes_removed_at_ms: null },
});

describePostgres('the firmware registry of two replicas', (server) => {
  let databases: Kysely<Database>[];
  beforeEach(async () => {
    const url = await server().newDatabase();
    databases = [await openDatabase(url), await openDatabase(url)];
  });
  afterEach(() => Promise.all(databases.map((database) => database.destroy())));
  const both = <T>(work: (database: Kysely<Database>, at: number) => Promise<T>) =>
    Promise.all([...databases, ...databases].map(work));

  it('gives a version to one draft', async () => {
    for (let round = 0; round < 25; round += 1) {
      const results = await both((database, at) =>
        new FirmwareStore(database).insertDraft(firmwareRow(`fw_${round}_${at}`, `1.0.${round}`)),
      );
      expect(results.filter((result) => result !== 'taken')).toEqual([[]]);
    }
  });

  it('writes every promotion down once, and none to what is withdrawn', async () => {
    const [store] = databases.map((database) => new FirmwareStore(database));
    for (let round = 0; round < 25; round += 1) {
      const id = `fw_${round}`;
      await store!.insertDraft(firmwareRow(id, `1.0.${round}`));
      await store!.release(id, 1);
      const target = { model: 'cam', channel: 'stable', firmwareId: id };
      await Promise.all([
        both((database) => new ChannelStore(database).promote(target, CAUSE, 1)),
        new FirmwareStore(databases[round % 2]!).withdraw(id, 'broken', 1),
      ]);
      const channel = await new ChannelStore(databases[0]!).find('cam', 'stable');
      expect(channel?.firmware_id ?? null).toBeNull();
    }
    const lines = await new ChannelStore(databases[0]!).promotions('cam', 'stable', 1000);
    const seqs = lines.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => seqs.length - index));
  });

  it('declares a model once, and never lowers its floor', async () => {
    const models = databases.map((database) => new ModelStore(database));
    const put = { description: '', format: 'image', hardwareRevisions: [] } as const;
    const results = await both((_, at) =>
      models[at % 2]!.put('cam', { ...put, hardwareRevisions: [] }, 1),
    );
    expect(results.filter((result) => result === 'created')).toHaveLength(1);
    for (let round = 0; round < 25; round += 1) {
      await both((_, at) => models[at % 2]!.raiseFloor('cam', `${round}.${(at * 7) % 4}.0`, 1));
      expect((await models[0]!.byName('cam'))?.floor_version).toBe(`${round}.3.0`);
    }
  });
});
