import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import type { FirmwareView, Problem, TrustView } from '@flotilla/contracts';
import {
  fromDocument,
  nextRoot,
  NotFoundError,
  refreshMetadata,
  releaseAt,
  toDocument,
  withoutRelease,
  withRelease,
  withSignature,
  type MetadataOf,
  type MetadataSet,
} from '@flotilla/trust';
import { newKey, signedByAll } from '@flotilla/trust/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeEngines } from '../../src/testing/engines.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

const DAY_MS = 86_400_000;
let nowMs = Date.now();
let ota: OtaHarness;
describeEngines('the TUF repository', (engine) => {
  beforeEach(async () => {
    nowMs = Date.now();
    ota = await startHarness({ databaseUrl: await engine.newUrl(), clock: () => nowMs });
  });
  afterEach(() => ota.close());

  async function draft(version: string): Promise<FirmwareView> {
    const artifact = tarBundle(version, Buffer.from(version));
    return (await (await ota.upload({ model: 'm', version }, artifact)).json()) as FirmwareView;
  }

  const problemOf = async (answer: Response) => (await answer.json()) as Problem;
  const viewOf = async (answer: Response) => (await answer.json()) as TrustView;
  const view = async () => viewOf(await ota.operator('GET', '/api/v1/tuf'));
  const stateOf = async (id: string) =>
    ((await (await ota.operator('GET', `/api/v1/firmware/${id}`)).json()) as FirmwareView).state;

  /** What a device of the model believes, over the service's own routes. */
  const asDevice = (trusted: MetadataSet, token: string) =>
    refreshMetadata({
      trusted,
      workFolder: join(ota.folder, 'device'),
      fetchMetadata: async (file) => {
        const answer = await ota.call('GET', `/device/v1/tuf/${file}`, token);
        if (answer.status === 404) throw new NotFoundError(file);
        return Buffer.from(await answer.arrayBuffer());
      },
      nowMs,
    });
  const pinned = (): MetadataSet => ({
    root: ota.offline.pinnedRoot,
    timestamp: null,
    snapshot: null,
    targets: null,
  });

  describe('publishing targets', () => {
    const put = (signed: MetadataOf['targets']) =>
      ota.operator('PUT', '/api/v1/tuf/targets', toDocument(signed));

    it('releases drafts, a device believes it, and removal withdraws for good', async () => {
      const { token } = await ota.newDevice('m');
      const first = await draft('1.0.0');
      const second = await draft('1.1.0');
      const both = await ota.publishTargets((targets) =>
        withRelease(withRelease(targets, first.target), second.target),
      );
      expect(both.status).toBe(200);
      expect([await stateOf(first.id), await stateOf(second.id)]).toEqual(['released', 'released']);
      const seen = await asDevice(pinned(), token);
      expect(seen.failure).toBeNull();
      expect(releaseAt(seen.targets!, 'm/1.1.0')).toEqual(second.target);
      await ota.publishTargets((targets) => withoutRelease(targets, 'm/1.1.0'));
      expect(await stateOf(second.id)).toBe('withdrawn');
      const later = await asDevice(seen.trusted, token);
      expect(releaseAt(later.targets!, 'm/1.1.0')).toBeNull();
      const back = await ota.publishTargets((targets) => withRelease(targets, second.target));
      expect(await problemOf(back)).toMatchObject({ status: 409, code: 'conflict' });
    });

    it('refuses what the threshold did not sign, and any version but the next', async () => {
      const { target, id } = await draft('1.0.0');
      const targets = withRelease(await ota.nextTargets(), target);
      const online = [...ota.offline.keys.snapshot, ...ota.offline.keys.timestamp];
      for (const keys of [[], [newKey()], online]) {
        const answer = await put(signedByAll(targets, keys));
        expect(await problemOf(answer)).toMatchObject({ status: 422, code: 'signature_invalid' });
      }
      expect(await stateOf(id)).toBe('draft');
      const good = signedByAll(targets, ota.offline.keys.targets);
      expect((await put(good)).status).toBe(200);
      expect(await problemOf(await put(good))).toMatchObject({ status: 409, code: 'conflict' });
    });

    it('refuses a target that is not exactly the upload, and keeps all as it was', async () => {
      const { target, id } = await draft('1.0.0');
      const changed = { ...target, sizeBytes: target.sizeBytes + 1 };
      const problem = await problemOf(
        await ota.publishTargets((targets) => withRelease(targets, changed)),
      );
      expect(problem).toMatchObject({ status: 400, code: 'validation_failed' });
      expect(problem.errors).toMatchObject([
        { pointer: '/body/signed/targets/m~11.0.0/sizeBytes' },
      ]);
      const release = { ...target.release, version: '9.0.0' };
      const unknown = { ...target, path: 'm/9.0.0', release };
      const answer = await ota.publishTargets((targets) =>
        withRelease(withRelease(targets, target), unknown),
      );
      expect(await problemOf(answer)).toMatchObject({ code: 'validation_failed' });
      expect(await stateOf(id)).toBe('draft');
      expect((await view()).targets).toBeNull();
    });

    it('gathers signatures over a staged document until there are enough', async () => {
      const { target } = await draft('1.0.0');
      const targets = withRelease(await ota.nextTargets(), target);
      const stage = (signed: MetadataOf['targets']) =>
        ota.operator('PUT', '/api/v1/tuf/staged/targets', toDocument(signed));
      await stage(withSignature(targets, newKey()));
      const { staged } = await viewOf(await stage(signedByAll(targets, ota.offline.keys.targets)));
      expect(staged.targets?.signatures).toHaveLength(2);
      const published = await ota.operator('PUT', '/api/v1/tuf/targets', staged.targets);
      expect(published.status).toBe(200);
      expect((await viewOf(published)).staged.targets).toBeNull();
      const past = await stage(targets);
      expect(await problemOf(past)).toMatchObject({ code: 'conflict' });
    });
  });

  describe('a new root', () => {
    it('moves devices to new targets keys, signed by the old root, with online keys at hand', async () => {
      const { token } = await ota.newDevice('m');
      await ota.publish('m', '1.0.0', tarBundle('1.0.0', Buffer.from('a')));
      const { trusted } = await asDevice(pinned(), token);
      const current = fromDocument('root', (await view()).root);
      const put = (signed: MetadataOf['root']) =>
        ota.operator('PUT', '/api/v1/tuf/root', toDocument(signed));
      const only = (key = newKey()) => ({ keys: [createPublicKey(key)], threshold: 1 });
      const key = newKey();
      const next = nextRoot(current, { targets: only(key) }, nowMs + 365 * DAY_MS);
      expect((await problemOf(await put(withSignature(next, key)))).code).toBe('signature_invalid');
      const foreign = nextRoot(current, { timestamp: only() }, nowMs + 365 * DAY_MS);
      const refused = await problemOf(await put(signedByAll(foreign, ota.offline.keys.root)));
      expect(refused.detail).toContain('holds no key');
      expect((await put(signedByAll(next, ota.offline.keys.root))).status).toBe(200);
      // The old key's targets count no more until the new key signs some.
      const between = await asDevice(trusted, token);
      expect(between.failure?.fault).toBe('metadata_signature_invalid');
      expect((await ota.publishTargets((targets) => targets, [key])).status).toBe(200);
      expect((await asDevice(trusted, token)).failure).toBeNull();
    });
  });

  describe('the online roles', () => {
    it('are signed anew half-way to their expiry', async () => {
      const { token } = await ota.newDevice('m');
      await ota.publish('m', '1.0.0', tarBundle('1.0.0', Buffer.from('a')));
      const before = await asDevice(pinned(), token);
      nowMs += 2 * DAY_MS;
      expect((await asDevice(before.trusted, token)).failure?.fault).toBe('metadata_expired');
      expect(await ota.trust.renew()).toBe(true);
      expect(await ota.trust.renew()).toBe(false);
      const after = await asDevice(before.trusted, token);
      expect(after.failure).toBeNull();
      expect(after.trusted.snapshot).toBe(before.trusted.snapshot);
      nowMs += 4 * DAY_MS;
      expect(await ota.trust.renew()).toBe(true);
      const renewed = await asDevice(after.trusted, token);
      expect(renewed.failure).toBeNull();
      expect(renewed.trusted.snapshot).not.toBe(after.trusted.snapshot);
    });
  });

  describe('metadata for devices', () => {
    it('needs a token, says what may be kept, and answers an ETag', async () => {
      const { token } = await ota.newDevice('m');
      const get = (file: string, headers: Record<string, string> = {}) =>
        fetch(`${ota.url}/device/v1/tuf/${file}`, {
          headers: { authorization: `Bearer ${token}`, ...headers },
        });
      expect((await get('timestamp.json')).status).toBe(404);
      await ota.publish('m', '1.0.0', tarBundle('1.0.0', Buffer.from('a')));
      expect((await fetch(`${ota.url}/device/v1/tuf/timestamp.json`)).status).toBe(401);
      const timestamp = await get('timestamp.json');
      expect(timestamp.headers.get('cache-control')).toBe('no-cache');
      const again = await get('timestamp.json', {
        'if-none-match': timestamp.headers.get('etag')!,
      });
      expect(again.status).toBe(304);
      expect((await get('1.targets.json')).headers.get('cache-control')).toContain('immutable');
      for (const file of ['2.root.json', '99999.targets.json']) {
        expect((await get(file)).status).toBe(404);
      }
      for (const file of ['1.timestamp.json', 'root.json', '..%2fx', '01.root.json']) {
        expect((await get(file)).status).toBe(400);
      }
    });
  });
});
