import { afterEach, expect, it } from 'vitest';
import { DeltaStore } from '../../src/delta/delta-store.ts';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

let ota: OtaHarness;
afterEach(() => ota.close());

it('counts no version as a base whose bytes were collected', async () => {
  ota = await startHarness();
  const gone = await ota.publish('m', '1.0.0', tarBundle('1.0.0', Buffer.from('one')));
  const kept = await ota.publish('m', '1.1.0', tarBundle('1.1.0', Buffer.from('two')));
  const store = new DeltaStore(ota.database);
  const digests = async () => (await store.releasedArtifacts('m')).map(({ sha256 }) => sha256);
  expect((await digests()).toSorted()).toEqual([gone.sha256, kept.sha256].toSorted());
  await ota.database
    .updateTable('firmware')
    .set({ bytes_removed_at_ms: 1 })
    .where('sha256', '=', gone.sha256)
    .execute();
  expect(await digests()).toEqual([kept.sha256]);
});
