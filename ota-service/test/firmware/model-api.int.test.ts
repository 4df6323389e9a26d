import { randomBytes } from 'node:crypto';
import {
  channelViewSchema,
  deviceDetailSchema,
  firmwareViewSchema,
  garbageReportSchema,
  listOf,
  modelViewSchema,
  promotionSchema,
  type PollRequest,
  type Problem,
} from '@flotilla/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeEngines } from '../../src/testing/engines.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

let ota: OtaHarness;
describeEngines('models and channels', (engine) => {
  beforeEach(async () => {
    ota = await startHarness({ databaseUrl: await engine.newUrl() });
  });
  afterEach(() => ota.close());

  const nothing: PollRequest = { runningVersion: null, runningSha256: null };
  const bundle = (version: string) => tarBundle(version, randomBytes(500));
  const publish = (version: string) => ota.publish('cam', version, bundle(version));
  const problemOf = async (answer: Response) => {
    const { status, code, detail } = (await answer.json()) as Problem;
    return { status, code, detail };
  };
  async function ok<T>(schema: { parse: (value: unknown) => T }, answer: Response): Promise<T> {
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(JSON.stringify(body));
    return schema.parse(body);
  }

  describe('models', () => {
    it('come with their first firmware, or are declared', async () => {
      const path = '/api/v1/models/gate';
      const revisions = { hardwareRevisions: ['rev-a', 'rev-b'], format: 'image' };
      expect((await ota.operator('PUT', path, { ...revisions, description: 'x' })).status).toBe(
        201,
      );
      const changed = await ota.operator('PUT', path, { ...revisions, description: 'a gate' });
      expect(changed.status).toBe(200);
      await publish('1.0.0');
      const models = await ok(listOf(modelViewSchema), await ota.operator('GET', '/api/v1/models'));
      expect(models.items).toMatchObject([
        { name: 'cam', format: 'tar', hardwareRevisions: [], floorVersion: null },
        { name: 'gate', ...revisions, description: 'a gate' },
      ]);
      expect((await ota.operator('GET', '/api/v1/models/none')).status).toBe(404);
    });

    it('have one format, and know their hardware', async () => {
      await ota.operator('PUT', '/api/v1/models/cam', {
        format: 'tar',
        hardwareRevisions: ['rev-a'],
      });
      const image = await ota.upload(
        { model: 'cam', version: '1.0.0', format: 'image' },
        randomBytes(9),
      );
      expect(await problemOf(image)).toMatchObject({
        status: 400,
        detail: '/query/format: the model takes tar, not image',
      });
      const query = { model: 'cam', version: '1.0.0', hardwareRevisions: 'rev-a,rev-z' };
      expect(await problemOf(await ota.upload(query, bundle('1.0.0')))).toMatchObject({
        status: 400,
        code: 'validation_failed',
      });
      await publish('1.0.0');
      const other = await ota.operator('PUT', '/api/v1/models/cam', { format: 'image' });
      expect(await problemOf(other)).toMatchObject({ status: 409, code: 'conflict' });
      // The artifact and its compressed form; nothing of what was refused.
      expect(await ota.storedFiles()).toHaveLength(2);
    });

    it('take an image as it is, but not an empty one', async () => {
      const query = { model: 'board', version: '1.0.0', format: 'image' };
      expect((await ota.upload(query, new Uint8Array())).status).toBe(400);
      const view = await ok(firmwareViewSchema, await ota.upload(query, randomBytes(1000)));
      expect(view).toMatchObject({ format: 'image', sizeBytes: 1000, state: 'draft' });
    });

    it('raise their floor, and never lower it', async () => {
      const old = await publish('1.0.0');
      const raise = (version: string) =>
        ota.operator('PUT', '/api/v1/models/cam/floor', { version, reason: 'CVE in 1.1' });
      expect(await ok(modelViewSchema, await raise('1.2.0'))).toMatchObject({
        floorVersion: '1.2.0',
      });
      expect(ota.campaigns.pausedUnofferable).toBeGreaterThan(0);
      expect((await raise('1.2.0')).status).toBe(200);
      expect(await problemOf(await raise('1.2.0-rc.1'))).toMatchObject({ status: 409 });
      const early = await ota.upload({ model: 'cam', version: '1.1.9' }, bundle('1.1.9'));
      expect(await problemOf(early)).toMatchObject({ status: 400 });
      const channel = await ota.operator('PUT', '/api/v1/models/cam/channels/beta', {
        firmwareId: old.id,
        reason: 'x',
      });
      expect(await problemOf(channel)).toMatchObject({ status: 409 });
    });
  });

  describe('channels', () => {
    const promote = (channel: string, firmwareId: string) =>
      ota.operator('PUT', `/api/v1/models/cam/channels/${channel}`, {
        firmwareId,
        reason: 'tested',
      });

    it('point at released firmware, and remember how they moved', async () => {
      const first = await publish('1.0.0');
      const second = await publish('2.0.0');
      for (const id of [first.id, second.id, second.id, first.id]) {
        await ok(channelViewSchema, await promote('stable', id));
      }
      const history = await ok(
        listOf(promotionSchema),
        await ota.operator('GET', '/api/v1/models/cam/channels/stable/promotions'),
      );
      const line = (seq: number, version: string, previousVersion: string | null) => ({
        seq,
        version,
        previousVersion,
        actor: 'operator',
        reason: 'tested',
      });
      expect(history.items).toMatchObject([
        line(3, '1.0.0', '2.0.0'),
        line(2, '2.0.0', '1.0.0'),
        line(1, '1.0.0', null),
      ]);
      const view = await ok(
        firmwareViewSchema,
        await ota.operator('GET', `/api/v1/firmware/${first.id}`),
      );
      expect(view.channels).toEqual(['stable']);
    });

    it('take no draft and no other model', async () => {
      await publish('1.0.0');
      const draft = await ok(
        firmwareViewSchema,
        await ota.upload({ model: 'cam', version: '2.0.0' }, bundle('2.0.0')),
      );
      const other = await ota.publish('other', '1.0.0', bundle('1.0.0'));
      for (const id of [draft.id, other.id, 'fw_000000000000']) {
        expect(await problemOf(await promote('stable', id))).toMatchObject({ status: 409 });
      }
      expect((await ota.operator('GET', '/api/v1/models/cam/channels/stable')).status).toBe(404);
    });

    it('are emptied by a withdrawal', async () => {
      const { id } = await publish('1.0.0');
      await promote('beta', id);
      await promote('stable', id);
      const withdrawn = await ok(
        firmwareViewSchema,
        await ota.operator('PUT', `/api/v1/firmware/${id}/withdrawal`, { reason: 'it hangs' }),
      );
      expect(withdrawn).toMatchObject({
        state: 'withdrawn',
        withdrawalReason: 'it hangs',
        channels: [],
      });
      const { items } = await ok(
        listOf(channelViewSchema),
        await ota.operator('GET', '/api/v1/models/cam/channels'),
      );
      expect(items).toMatchObject([
        { channel: 'beta', firmwareId: null, version: null },
        { channel: 'stable', firmwareId: null, version: null },
      ]);
      const history = await ok(
        listOf(promotionSchema),
        await ota.operator('GET', '/api/v1/models/cam/channels/beta/promotions'),
      );
      expect(history.items[0]).toMatchObject({ actor: 'registry', reason: 'withdrawn: it hangs' });
    });
  });

  describe('withdrawn firmware', () => {
    it('is offered to nobody and downloaded by nobody from then on', async () => {
      const firmware = await publish('1.0.0');
      const { id, token } = await ota.newDevice('cam');
      ota.campaigns.offer = {
        campaignId: 'cmp_000000000000',
        phase: 1,
        round: 1,
        firmwareId: firmware.id,
      };
      const { deployment } = await ota.poll(token, nothing);
      expect((await ota.call('GET', deployment!.full.path, token)).status).toBe(200);
      const path = `/api/v1/firmware/${firmware.id}/withdrawal`;
      for (let i = 0; i < 2; i += 1) {
        expect((await ota.operator('PUT', path, { reason: 'it hangs' })).status).toBe(200);
      }
      expect((await ota.poll(token, nothing)).deployment).toBeNull();
      expect((await ota.call('GET', deployment!.full.path, token)).status).toBe(404);
      const detail = await ok(
        deviceDetailSchema,
        await ota.operator('GET', `/api/v1/devices/${id}`),
      );
      expect(detail.withheld).toMatchObject({ firmwareId: firmware.id, reason: 'withdrawn' });
      const again = await ota.upload({ model: 'cam', version: '1.0.0' }, bundle('1.0.0'));
      expect(await problemOf(again)).toMatchObject({ status: 409, code: 'already_exists' });
    });

    it('was released before; a draft is deleted instead', async () => {
      const draft = await ok(
        firmwareViewSchema,
        await ota.upload({ model: 'cam', version: '1.0.0' }, bundle('1.0.0')),
      );
      const path = `/api/v1/firmware/${draft.id}`;
      expect((await ota.operator('PUT', `${path}/withdrawal`, { reason: 'x' })).status).toBe(409);
      expect((await ota.operator('DELETE', path)).status).toBe(204);
      expect((await ota.operator('GET', path)).status).toBe(404);
      const released = await publish('1.0.0');
      expect((await ota.operator('DELETE', `/api/v1/firmware/${released.id}`)).status).toBe(409);
    });
  });

  describe('compatibility', () => {
    it('withholds what does not fit, says why, and offers it once it fits', async () => {
      const query = { minimumVersion: '1.0.0', hardwareRevisions: 'rev-b' };
      const firmware = await ota.publish('cam', '2.0.0', bundle('2.0.0'), query);
      const { id, token } = await ota.newDevice('cam');
      ota.campaigns.offer = {
        campaignId: 'cmp_000000000000',
        phase: 1,
        round: 1,
        firmwareId: firmware.id,
      };
      const withheld = async () =>
        (await ok(deviceDetailSchema, await ota.operator('GET', `/api/v1/devices/${id}`))).withheld;
      const on = (runningVersion: string, hardwareRevision?: string): PollRequest => ({
        runningVersion,
        runningSha256: null,
        ...(hardwareRevision !== undefined && { hardwareRevision }),
      });
      expect((await ota.poll(token, on('1.0.0'))).deployment).toBeNull();
      expect(await withheld()).toMatchObject({ reason: 'hardware_unknown', version: '2.0.0' });
      expect((await ota.poll(token, on('1.0.0', 'rev-a'))).deployment).toBeNull();
      expect(await withheld()).toMatchObject({ reason: 'hardware_mismatch' });
      expect((await ota.poll(token, on('0.9.0', 'rev-b'))).deployment).toBeNull();
      expect(await withheld()).toMatchObject({
        reason: 'minimum_version_unmet',
        detail: 'runs 0.9.0, needs 1.0.0 first',
      });
      const metrics = await (await fetch(`${ota.url}/metrics`)).text();
      expect(metrics).toContain(
        'flotilla_devices_withheld{model="cam",reason="minimum_version_unmet"} 1',
      );
      expect(ota.campaigns.offered).toEqual([]);
      // The revision is remembered when a poll leaves it out.
      expect((await ota.poll(token, on('1.0.0'))).deployment).not.toBeNull();
      expect(await withheld()).toBeNull();
      const { hardwareRevision } = await ok(
        deviceDetailSchema,
        await ota.operator('GET', `/api/v1/devices/${id}`),
      );
      expect(hardwareRevision).toBe('rev-b');
    });
  });

  it('keeps release notes that can be edited after the release', async () => {
    const { id } = await publish('1.0.0');
    const path = `/api/v1/firmware/${id}/release-notes`;
    const edited = await ota.operator('PUT', path, { releaseNotes: '# 1.0.0\n\n- faster' });
    expect(await ok(firmwareViewSchema, edited)).toMatchObject({
      releaseNotes: '# 1.0.0\n\n- faster',
    });
    expect((await ota.operator('PUT', path, { releaseNotes: 'x'.repeat(65_537) })).status).toBe(
      400,
    );
  });

  it('collects garbage on request, and only looks unless told to remove', async () => {
    await publish('1.0.0');
    const collect = async (body: object) =>
      ok(garbageReportSchema, await ota.operator('POST', '/api/v1/garbage-collections', body));
    const nothingGone = { removed: [], removedBytes: 0, keptCount: 2 };
    expect(await collect({})).toEqual({ dryRun: true, ...nothingGone });
    expect(await collect({ dryRun: false })).toEqual({ dryRun: false, ...nothingGone });
    const wrong = await ota.operator('GET', '/api/v1/garbage-collections');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
