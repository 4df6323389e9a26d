import type { FirmwareView, Problem } from '@flotilla/contracts';
import { withRelease } from '@flotilla/trust';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

let ota: OtaHarness;
beforeEach(async () => {
  ota = await startHarness();
});
afterEach(() => ota.close());

it('does not release a draft that the floor has passed since its upload', async () => {
  const uploaded = await ota.upload(
    { model: 'cam', version: '1.1.0' },
    tarBundle('1.1.0', Buffer.from('x')),
  );
  const draft = (await uploaded.json()) as FirmwareView;
  const floor = { version: '1.2.0', reason: 'CVE in 1.1' };
  expect((await ota.operator('PUT', '/api/v1/models/cam/floor', floor)).status).toBe(200);
  const answer = await ota.publishTargets((targets) => withRelease(targets, draft.target));
  expect((await answer.json()) as Problem).toMatchObject({
    status: 409,
    code: 'conflict',
    detail: "1.1.0 is below the model's floor 1.2.0",
  });
  const after = await ota.operator('GET', `/api/v1/firmware/${draft.id}`);
  expect(((await after.json()) as FirmwareView).state).toBe('draft');
  // Nor were the targets taken: the next ones still have version 1.
  expect((await ota.nextTargets()).signed.version).toBe(1);
});
