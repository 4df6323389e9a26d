import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { firmwareViewSchema, type FirmwareView, type Problem } from '@flotilla/contracts';
import { withRelease } from '@flotilla/trust';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeEngines } from '../../src/testing/engines.ts';
import { OPERATOR_TOKEN, startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle, tarOf } from '../../src/testing/tar-bundle.ts';

const LIMIT_BYTES = 512 * 1024;
let ota: OtaHarness;
describeEngines('firmware', (engine) => {
  beforeAll(async () => {
    ota = await startHarness({ databaseUrl: await engine.newUrl(), maxArtifactBytes: LIMIT_BYTES });
  });
  afterAll(() => ota.close());

  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const rows = () => ota.database.selectFrom('firmware').selectAll().execute();
  const problemOf = async (answer: Response) => (await answer.json()) as Problem;
  const code = (text: string) => Buffer.from(text.repeat(500));

  describe('uploading firmware', () => {
    it('keeps the bytes and answers with the target to sign', async () => {
      const artifact = tarBundle('1.0.0', code('let a = 1;'));
      const answer = await ota.upload(
        { model: 'm', version: '1.0.0', sha256: sha256(artifact), allowDowngrade: 'true' },
        artifact,
      );
      expect(answer.status).toBe(201);
      const view = firmwareViewSchema.parse(await answer.json());
      expect(answer.headers.get('location')).toBe(`/api/v1/firmware/${view.id}`);
      expect(view).toMatchObject({ state: 'draft', sizeBytes: artifact.length, deltas: [] });
      expect(view.target).toMatchObject({
        path: 'm/1.0.0',
        sha256: sha256(artifact),
        sizeBytes: artifact.length,
        release: { model: 'm', version: '1.0.0', allowDowngrade: true, format: 'tar' },
      });
      expect(view.fullTransferBytes).toBeLessThan(artifact.length / 4);
      expect(await ota.storedFiles()).toContain(sha256(artifact));
      const listed: unknown = await (await ota.operator('GET', '/api/v1/firmware?model=m')).json();
      expect(listed).toEqual({ items: [view] });
    });

    it('serves an artifact that does not compress as it is', async () => {
      const artifact = tarBundle('1.0.1', randomBytes(100_000));
      const noise = tarOf([]).length;
      const view = (await (
        await ota.upload({ model: 'noise', version: '1.0.1' }, artifact)
      ).json()) as FirmwareView;
      expect(view.fullTransferBytes).toBeGreaterThan(artifact.length - noise - 4096);
      expect(view.fullTransferBytes).toBeLessThanOrEqual(artifact.length);
    });

    const good = tarBundle('2.0.0', code('x'));
    const json = (value: unknown) => Buffer.from(JSON.stringify(value));
    const bundleJson = { schemaVersion: 1, version: '2.0.0', command: ['node'], healthPath: '/h' };
    const withBundle = (content: Uint8Array) => tarOf([{ name: 'bundle.json', content }]);
    it.each<[string, Record<string, string>, Uint8Array, number, string, string]>([
      ['no version', { model: 'm' }, good, 400, 'validation_failed', '/query/version'],
      [
        'a bad version',
        { model: 'm', version: '2' },
        good,
        400,
        'validation_failed',
        '/query/version',
      ],
      [
        'an unknown parameter',
        { model: 'm', version: '2.0.0', x: '1' },
        good,
        400,
        'validation_failed',
        '/query',
      ],
      [
        'another digest',
        { model: 'm', version: '2.0.0', sha256: 'a'.repeat(64) },
        good,
        422,
        'digest_mismatch',
        '/query/sha256',
      ],
      [
        'another version inside',
        { model: 'm', version: '2.0.1' },
        good,
        400,
        'validation_failed',
        '/body/bundle.json/version',
      ],
      [
        'nothing',
        { model: 'm', version: '2.0.0' },
        new Uint8Array(),
        400,
        'validation_failed',
        '/body',
      ],
      [
        'no tar',
        { model: 'm', version: '2.0.0' },
        code('hello'),
        400,
        'validation_failed',
        '/body',
      ],
      [
        'a cut tar',
        { model: 'm', version: '2.0.0' },
        good.subarray(0, 1300),
        400,
        'validation_failed',
        '/body',
      ],
      [
        'a tar without bundle.json',
        { model: 'm', version: '2.0.0' },
        tarOf([{ name: 'a', content: code('a') }]),
        400,
        'validation_failed',
        '/body/bundle.json',
      ],
      [
        'a bundle.json that is no JSON',
        { model: 'm', version: '2.0.0' },
        withBundle(code('{')),
        400,
        'validation_failed',
        '/body/bundle.json',
      ],
      [
        'a bundle.json without command',
        { model: 'm', version: '2.0.0' },
        withBundle(json({ ...bundleJson, command: undefined })),
        400,
        'validation_failed',
        '/body/bundle.json/command',
      ],
      [
        'a path out of the slot',
        { model: 'm', version: '2.0.0' },
        tarOf([
          { name: 'bundle.json', content: json(bundleJson) },
          { name: 'a/../../b', content: code('a') },
        ]),
        400,
        'validation_failed',
        '/body',
      ],
    ])('refuses %s and keeps nothing', async (_what, query, body, status, problemCode, pointer) => {
      const [filesBefore, rowsBefore] = [await ota.storedFiles(), await rows()];
      const answer = await ota.upload(query, body);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      const problem = await problemOf(answer);
      expect(problem.code).toBe(problemCode);
      expect(problem.errors?.map((error) => error.pointer)).toContain(pointer);
      expect(await ota.storedFiles()).toEqual(filesBefore);
      expect(await rows()).toEqual(rowsBefore);
    });

    it('refuses a body over the limit, announced or streamed', async () => {
      const before = await ota.storedFiles();
      // Far more than the sockets buffer: the client still sends when it is refused.
      const body = randomBytes(LIMIT_BYTES + 20e6);
      const announced = await ota.upload({ model: 'm', version: '3.0.0' }, body);
      expect([announced.status, (await problemOf(announced)).code]).toEqual([
        413,
        'body_too_large',
      ]);
      const stream = new ReadableStream({
        start(controller) {
          for (let at = 0; at < body.length; at += 65_536) {
            controller.enqueue(body.subarray(at, at + 65_536));
          }
          controller.close();
        },
      });
      const streamed = await ota.upload({ model: 'm', version: '3.0.0' }, stream);
      expect([streamed.status, (await problemOf(streamed)).code]).toEqual([413, 'body_too_large']);
      expect(await ota.storedFiles()).toEqual(before);
    });

    it.each(['stage', 'publish'] as const)('says so when the disk is full at %s', async (step) => {
      const before = await rows();
      const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
      const spy = vi.spyOn(ota.deps.artifacts, step).mockRejectedValue(full);
      const answer = await ota.upload(
        { model: 'full', version: '1.0.0' },
        tarBundle('1.0.0', code('f')),
      );
      spy.mockRestore();
      expect([answer.status, (await problemOf(answer)).code]).toEqual([503, 'unavailable']);
      expect(await rows()).toEqual(before);
    });

    it('refuses another content type', async () => {
      const answer = await ota.operator('POST', '/api/v1/firmware?model=m&version=3.0.0', {});
      expect([answer.status, (await problemOf(answer)).code]).toEqual([
        415,
        'unsupported_media_type',
      ]);
    });

    it('takes a version once, even when two uploads race', async () => {
      const one = tarBundle('4.0.0', code('one'));
      const two = tarBundle('4.0.0', code('two'));
      const query = { model: 'race', version: '4.0.0' };
      const answers = await Promise.all([ota.upload(query, one), ota.upload(query, two)]);
      expect(answers.map((answer) => answer.status).toSorted()).toEqual([201, 409]);
      const stored = (await rows()).filter((row) => row.model === 'race');
      expect(stored).toHaveLength(1);
      const loser = [one, two].map(sha256).find((digest) => digest !== stored[0]!.sha256);
      expect(await ota.storedFiles()).not.toContain(loser);
      const third = await ota.upload(query, sha256(one) === loser ? one : two);
      expect([third.status, (await problemOf(third)).code]).toEqual([409, 'already_exists']);
    });

    it('lets a publisher that broke off before signing go on with its draft', async () => {
      const artifact = tarBundle('4.1.0', code('again'));
      const query = { model: 'again', version: '4.1.0' };
      const first = await ota.upload(query, artifact);
      const draft = (await first.json()) as FirmwareView;
      const files = await ota.storedFiles();
      const repeated = await ota.upload({ ...query, sha256: sha256(artifact) }, artifact);
      expect([first.status, repeated.status]).toEqual([201, 200]);
      expect(await repeated.json()).toEqual(draft);
      expect(await ota.storedFiles()).toEqual(files);
      for (const [params, bytes] of [
        [query, tarBundle('4.1.0', code('other bytes'))],
        [{ ...query, allowDowngrade: 'true' }, artifact],
      ] as const) {
        const other = await ota.upload(params, bytes);
        const problem = await problemOf(other);
        expect([other.status, problem.code]).toEqual([409, 'already_exists']);
        expect(problem.detail).toContain(draft.id);
      }
      expect(await ota.storedFiles()).toEqual(files);
      await ota.publishTargets((targets) => withRelease(targets, draft.target));
      const late = await ota.upload(query, artifact);
      expect([late.status, (await problemOf(late)).code]).toEqual([409, 'already_exists']);
    });

    it('gives equal uploads that race one draft', async () => {
      const artifact = tarBundle('4.2.0', code('same'));
      const query = { model: 'race', version: '4.2.0' };
      const answers = await Promise.all([ota.upload(query, artifact), ota.upload(query, artifact)]);
      expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 201]);
      const views = await Promise.all(
        answers.map(async (answer) => (await answer.json()) as FirmwareView),
      );
      expect(views[0]).toEqual(views[1]);
    });

    it('leaves nothing of an upload that breaks off', async () => {
      const before = await ota.storedFiles();
      const client = request(`${ota.url}/api/v1/firmware?model=m&version=5.0.0`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${OPERATOR_TOKEN}`,
          'content-type': 'application/octet-stream',
          'content-length': '300000',
        },
      });
      // The broken connection is this test's doing.
      client.on('error', () => undefined);
      client.write(randomBytes(100_000));
      await vi.waitFor(async () => {
        expect((await ota.storedFiles()).length).toBeGreaterThan(before.length);
      });
      client.destroy();
      await vi.waitFor(async () => expect(await ota.storedFiles()).toEqual(before));
      expect((await rows()).some((row) => row.version === '5.0.0')).toBe(false);
    });
  });

  describe('the firmware registry', () => {
    it.each([
      ['/api/v1/firmware/fw_000000000000', 404, 'not_found'],
      ['/api/v1/firmware/nonsense', 400, 'validation_failed'],
      ['/api/v1/firmware?limit=0', 400, 'validation_failed'],
    ])('GET %s answers %i', async (path, status, problemCode) => {
      const answer = await ota.operator('GET', path);
      expect([answer.status, (await problemOf(answer)).code]).toEqual([status, problemCode]);
    });
  });
});
