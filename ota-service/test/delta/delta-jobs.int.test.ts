import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { applyDelta, bufferBase } from '@flotilla/delta';
import type { FirmwareView } from '@flotilla/contracts';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { computeDelta, type DeltaFiles } from '../../src/delta/compute-delta.ts';
import { DeltaJobs } from '../../src/delta/delta-jobs.ts';
import { Leases } from '../../src/db/leases.ts';
import { DeltaStore } from '../../src/delta/delta-store.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

let ota: OtaHarness;
afterEach(() => ota.close());

const view = async (id: string) =>
  (await (await ota.operator('GET', `/api/v1/firmware/${id}`)).json()) as FirmwareView;
const deltasOf = (firmware: FirmwareView) =>
  vi.waitFor(
    async () => {
      const { deltas } = await view(firmware.id);
      expect(deltas.length).toBeGreaterThan(0);
      expect(deltas.map((delta) => delta.state)).not.toContain('pending');
      return deltas;
    },
    { timeout: 20_000 },
  );

describe('deltas of a release', () => {
  it('turn the base into the target, byte for byte', async () => {
    ota = await startHarness();
    const payload = randomBytes(200_000);
    const base = tarBundle('1.0.0', payload);
    payload.write('a small change', 90_000);
    const target = tarBundle('1.1.0', payload);
    await ota.publish('m', '1.0.0', base);
    const [delta] = await deltasOf(await ota.publish('m', '1.1.0', target));
    expect(delta).toMatchObject({ baseVersion: '1.0.0', state: 'ready', detail: null });
    expect(delta!.sizeBytes).toBeLessThan(target.length / 20);
    const patch = await readFile(await ota.deps.artifacts.localFile(delta!.sha256!));
    const written: Uint8Array[] = [];
    await applyDelta({
      base: bufferBase(base),
      patch: (async function* () {
        yield await Promise.resolve(patch);
      })(),
      write: (chunk) => Promise.resolve(void written.push(chunk)),
    });
    expect(Buffer.concat(written).equals(target)).toBe(true);
  });

  it('are not kept when the images have nothing in common', async () => {
    ota = await startHarness();
    await ota.publish('m', '1.0.0', tarBundle('1.0.0', randomBytes(50_000)));
    const before = await ota.storedFiles();
    const target = await ota.publish('m', '1.1.0', tarBundle('1.1.0', randomBytes(50_000)));
    const [delta] = await deltasOf(target);
    expect(delta).toMatchObject({ state: 'not_worthwhile', sha256: null, sizeBytes: null });
    expect(delta!.detail).toMatch(/\d+ bytes or more against \d+/);
    const added = (await ota.storedFiles()).filter((name) => !before.includes(name));
    expect(added.filter((name) => name !== target.sha256)).toHaveLength(1);
  });

  it('are tried again later with the reason on record, and the queue goes on', async () => {
    let calls = 0;
    ota = await startHarness({
      computeDelta: () =>
        Promise.resolve().then(() => {
          calls += 1;
          if (calls === 1) throw new Error('the codec broke');
          return Buffer.from('small');
        }),
    });
    await ota.publish('m', '1.0.0', tarBundle('1.0.0', randomBytes(9000)));
    const second = await ota.publish('m', '1.1.0', tarBundle('1.1.0', randomBytes(9000)));
    await vi.waitFor(async () =>
      expect((await view(second.id)).deltas).toMatchObject([
        { state: 'pending', detail: 'attempt 1: the codec broke' },
      ]),
    );
    const third = await ota.publish('m', '1.2.0', tarBundle('1.2.0', randomBytes(9000)));
    expect((await deltasOf(third)).map((delta) => delta.state)).toEqual(['ready', 'ready']);
  });

  it('are computed as many at once as allowed, each of them once', async () => {
    ota = await startHarness({
      computeDelta: (_files, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    });
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      await ota.publish('m', version, tarBundle(version, randomBytes(9000)));
    }
    await ota.stopService();
    const store = new DeltaStore(ota.database);
    const { artifacts, clock, logger } = ota.deps;
    const leases = new Leases(ota.database);
    const gate = Promise.withResolvers<void>();
    const begun: string[] = [];
    const compute = async ({ baseFile, targetFile }: DeltaFiles) => {
      begun.push(`${baseFile} ${targetFile}`);
      await gate.promise;
      return Buffer.from('small');
    };
    const deps = { store, artifacts, leases, compute, clock, logger };
    const jobs = new DeltaJobs({ ...deps, deltaJobsAtOnce: 2 });
    jobs.start();
    await vi.waitFor(() => expect(begun).toHaveLength(2), { timeout: 20_000 });
    gate.resolve();
    await vi.waitFor(
      async () => expect(await store.countByState()).toEqual(new Map([['ready', 3]])),
      { timeout: 20_000 },
    );
    await jobs.stop();
    expect(begun).toHaveLength(3);
    expect(new Set(begun).size).toBe(3);
  });

  it('are given up after four attempts, with the last reason', async () => {
    ota = await startHarness({
      computeDelta: (_files, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    });
    await ota.publish('m', '1.0.0', tarBundle('1.0.0', randomBytes(9000)));
    const target = await ota.publish('m', '1.1.0', tarBundle('1.1.0', randomBytes(9000)));
    await ota.stopService();
    const store = new DeltaStore(ota.database);
    const { artifacts, logger } = ota.deps;
    const leases = new Leases(ota.database);
    vi.spyOn(artifacts, 'localFile').mockRejectedValue(new Error('not in the store'));
    // Each look at the clock is an hour later, so no pause is waited for.
    let nowMs = 0;
    const clock = () => (nowMs += 3_600_000);
    const compute = () => Promise.reject(new Error('never asked'));
    const jobs = new DeltaJobs({ store, artifacts, leases, compute, clock, logger });
    jobs.start();
    await vi.waitFor(async () =>
      expect(await store.countByState()).toEqual(new Map([['failed', 1]])),
    );
    await jobs.stop();
    const row = await ota.database.selectFrom('deltas').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      target_sha256: target.sha256,
      detail: 'attempt 4: not in the store',
    });
  });

  it('come first for the base that most devices run', async () => {
    const gate = Promise.withResolvers<void>();
    ota = await startHarness({
      computeDelta: () => gate.promise.then(() => Buffer.from('small')),
    });
    const bases: FirmwareView[] = [];
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      bases.push(await ota.publish('m', version, tarBundle(version, randomBytes(9000))));
    }
    gate.resolve();
    await vi.waitFor(async () =>
      expect((await new DeltaStore(ota.database).countByState()).has('pending')).toBe(false),
    );
    await ota.stopService();
    const store = new DeltaStore(ota.database);
    const running = bases[1]!;
    await ota.database
      .insertInto('devices')
      .values({
        id: 'dev-1',
        model: 'm',
        group_name: 'g',
        lifecycle: 'active',
        firmware_version: running.version,
        firmware_sha256: running.sha256,
        created_at_ms: 0,
        last_seen_at_ms: 0,
      })
      .execute();
    // Two queued jobs towards one target: the older base was asked for first, but nobody runs it.
    const targetSha256 = bases[2]!.sha256;
    await ota.database.deleteFrom('deltas').execute();
    await store.enqueue([{ baseSha256: bases[0]!.sha256, targetSha256 }], 'c', 1);
    await store.enqueue([{ baseSha256: running.sha256, targetSha256 }], 'c', 2);
    expect((await store.nextPending())?.baseSha256).toBe(running.sha256);
  });

  it('are computed anew after a stop in the middle', async () => {
    const started = Promise.withResolvers<void>();
    ota = await startHarness({
      computeDelta: (_files, signal) =>
        new Promise((_resolve, reject) => {
          started.resolve();
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    });
    await ota.publish('m', '1.0.0', tarBundle('1.0.0', randomBytes(9000)));
    const target = await ota.publish('m', '1.1.0', tarBundle('1.1.0', randomBytes(9000)));
    await started.promise;
    await ota.stopService();
    const store = new DeltaStore(ota.database);
    expect(await store.countByState()).toEqual(new Map([['pending', 1]]));
    const { artifacts, clock, logger } = ota.deps;
    const leases = new Leases(ota.database);
    const compute = () => Promise.resolve(Buffer.from('small'));
    const restarted = new DeltaJobs({ store, artifacts, leases, compute, clock, logger });
    restarted.start();
    await vi.waitFor(async () =>
      expect(await store.countByState()).toEqual(new Map([['ready', 1]])),
    );
    await restarted.stop();
    const row = await ota.database.selectFrom('deltas').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ target_sha256: target.sha256, size_bytes: 5 });
  });
});

describe('computeDelta', () => {
  it('rejects with what went wrong on the thread', async () => {
    ota = await startHarness();
    const files = { baseFile: '/nonexistent/a', targetFile: '/nonexistent/b', maxBytes: 1 };
    await expect(computeDelta(files, AbortSignal.timeout(20_000))).rejects.toThrow('ENOENT');
  });

  it('ends its thread when aborted', async () => {
    ota = await startHarness();
    const stopping = new AbortController();
    const files = { baseFile: '/nonexistent/a', targetFile: '/nonexistent/b', maxBytes: 1 };
    const computing = computeDelta(files, stopping.signal);
    stopping.abort(new Error('stopping'));
    await expect(computing).rejects.toThrow('stopping');
  });
});
