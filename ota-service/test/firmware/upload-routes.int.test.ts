import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type ClientRequest } from 'node:http';
import { stat } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { firmwareViewSchema, type Problem } from '@flotilla/contracts';
import { Upload } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { OPERATOR_TOKEN, startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

const LIMIT_BYTES = 8 * 1024 * 1024;
let ota: OtaHarness;
let nowMs = Date.now();
beforeAll(async () => {
  ota = await startHarness({ maxArtifactBytes: LIMIT_BYTES, clock: () => nowMs });
});
afterAll(() => ota.close());

const authorization = `Bearer ${OPERATOR_TOKEN}`;
const TUS = { authorization, 'tus-resumable': '1.0.0' };
const PIECE = { ...TUS, 'content-type': 'application/offset+octet-stream' };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const encode = (metadata: Record<string, string>) =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
let models = 0;
const image = (): Record<string, string> => ({
  model: `board-${(models += 1)}`,
  version: '1.0.0',
  format: 'image',
});

const create = (lengthBytes: number, metadata: Record<string, string> = image()) =>
  fetch(`${ota.url}/api/v1/uploads`, {
    method: 'POST',
    headers: {
      ...TUS,
      'upload-length': String(lengthBytes),
      'upload-metadata': encode({ ...metadata, filename: 'firmware.img' }),
    },
  });
async function created(lengthBytes: number, metadata?: Record<string, string>): Promise<string> {
  const answer = await create(lengthBytes, metadata);
  if (answer.status !== 201) throw new Error(await answer.text());
  return `${ota.url}${answer.headers.get('location')!}`;
}
const patch = (url: string, offset: number, body: Uint8Array, more: Record<string, string> = {}) =>
  fetch(url, {
    method: 'PATCH',
    headers: { ...PIECE, 'upload-offset': String(offset), ...more },
    body: new Uint8Array(body),
  });
const offsetOf = async (url: string) => {
  const answer = await fetch(url, { method: 'HEAD', headers: TUS });
  return answer.status === 200 ? Number(answer.headers.get('upload-offset')) : answer.status;
};
const finish = (url: string) =>
  fetch(`${url}/firmware`, { method: 'POST', headers: { authorization } });
/** Bytes of the upload that are in its file. */
const arrived = async (url: string) =>
  (await stat(join(ota.artifactsFolder, 'partial', url.split('/').at(-1)!))).size;
const problemOf = async (answer: Response) => ((await answer.json()) as Problem).code;

/** A PATCH that stays open after its first bytes. */
function openPatch(url: string, body: Uint8Array): ClientRequest {
  const request = httpRequest(url, {
    method: 'PATCH',
    headers: { ...PIECE, 'upload-offset': '0', 'content-length': '1000000' },
  });
  // The service ends it, or the test cuts it; either way the socket breaks.
  request.on('error', () => undefined);
  request.write(body);
  return request;
}

/** Hands bytes on to the service, and cuts the first connection that carried too many. */
async function cuttingProxy(
  cutAfterBytes: number,
): Promise<{ server: Server; url: string; cuts: () => number }> {
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(ota.url).port), '127.0.0.1');
    let seen = 0;
    client.on('data', (chunk) => {
      seen += chunk.length;
      upstream.write(chunk);
      if (cuts > 0 || seen < cutAfterBytes) return;
      cuts += 1;
      client.destroy();
      upstream.destroy();
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}`, cuts: () => cuts };
}

function send(bytes: Buffer, options: ConstructorParameters<typeof Upload>[1]): Promise<string> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(bytes, {
      headers: { authorization },
      retryDelays: [0, 100, 100],
      ...options,
      onSuccess: () => resolve(upload.url!),
      onError: reject,
    });
    upload.start();
  });
}

describe('an upload by tus-js-client', () => {
  it('goes on by itself after its connection was cut, and becomes a draft', async () => {
    const proxy = await cuttingProxy(1_500_000);
    const bytes = randomBytes(3_000_000);
    const metadata = { ...image(), sha256: sha256(bytes), hardwareRevisions: 'rev-a,rev-b' };
    const url = await send(bytes, { endpoint: `${proxy.url}/api/v1/uploads`, metadata });
    proxy.server.close();
    expect(proxy.cuts()).toBe(1);
    const answer = await finish(url.replace(proxy.url, ota.url));
    expect(answer.status).toBe(201);
    const view = firmwareViewSchema.parse(await answer.json());
    expect(answer.headers.get('location')).toBe(`/api/v1/firmware/${view.id}`);
    expect(view).toMatchObject({
      model: metadata['model' as keyof typeof metadata],
      state: 'draft',
      format: 'image',
      sha256: sha256(bytes),
      sizeBytes: bytes.length,
      hardwareRevisions: ['rev-a', 'rev-b'],
    });
    const again = await finish(url.replace(proxy.url, ota.url));
    expect([again.status, await again.json()]).toEqual([200, view]);
  });

  it('may bring its first bytes with the creation', async () => {
    const bytes = tarBundle('1.0.0', randomBytes(50_000));
    const url = await send(bytes, {
      endpoint: `${ota.url}/api/v1/uploads`,
      metadata: { model: 'cam', version: '1.0.0' },
      uploadDataDuringCreation: true,
      chunkSize: 20_000,
    });
    expect((await finish(url)).status).toBe(201);
    expect(await ota.storedFiles()).toContain(sha256(bytes));
  });
});

describe('the protocol', () => {
  it('is told to whoever asks', async () => {
    const answer = await fetch(`${ota.url}/api/v1/uploads`, {
      method: 'OPTIONS',
      headers: { authorization },
    });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'tus-version': '1.0.0',
      'tus-resumable': '1.0.0',
      'tus-max-size': String(LIMIT_BYTES),
      'tus-extension': 'creation,creation-with-upload,checksum,termination,expiration',
      'tus-checksum-algorithm': 'sha1,sha256',
    });
  });

  it('is refused in another version, and to strangers', async () => {
    const old = await fetch(`${ota.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { authorization, 'tus-resumable': '0.2.2' },
    });
    expect([old.status, old.headers.get('tus-version')]).toEqual([412, '1.0.0']);
    const stranger = await fetch(`${ota.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { 'tus-resumable': '1.0.0' },
    });
    expect(stranger.status).toBe(401);
  });

  it.each<[string, number, Record<string, string>, number, string]>([
    ['larger than allowed', LIMIT_BYTES + 1, {}, 413, 'body_too_large'],
    ['of no model', 10, { model: '' }, 400, 'validation_failed'],
    ['of a bad version', 10, { version: '1' }, 400, 'validation_failed'],
  ])('refuses an upload %s at once', async (_what, length, changes, status, code) => {
    const answer = await create(length, { ...image(), ...changes });
    expect([answer.status, await problemOf(answer)]).toEqual([status, code]);
  });

  it('answers where to go on, and only goes on there', async () => {
    const url = await created(10);
    const first = await patch(url, 0, Buffer.from('01234'));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '5']);
    expect(Date.parse(first.headers.get('upload-expires')!)).toBeGreaterThan(nowMs);
    const head = await fetch(url, { method: 'HEAD', headers: TUS });
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'upload-offset': '5',
      'upload-length': '10',
      'cache-control': 'no-store',
    });
    expect((await patch(url, 4, Buffer.from('x'))).status).toBe(409);
    expect((await patch(url, 5, Buffer.from('5678901'))).status).toBe(413);
    const json = await fetch(url, {
      method: 'PATCH',
      headers: { ...TUS, 'upload-offset': '5', 'content-type': 'text/plain' },
      body: 'x',
    });
    expect(json.status).toBe(415);
    expect(await offsetOf(url)).toBe(5);
    expect((await finish(url)).status).toBe(409);
    const override = await fetch(url, {
      method: 'POST',
      headers: { ...PIECE, 'upload-offset': '5', 'x-http-method-override': 'PATCH' },
      body: '56789',
    });
    expect(override.status).toBe(204);
    const view = firmwareViewSchema.parse(await (await finish(url)).json());
    expect(view.sha256).toBe(sha256(Buffer.from('0123456789')));
  });

  it('keeps no piece that has another checksum', async () => {
    const url = await created(8);
    const checksum = (algorithm: string, bytes: string) => ({
      'upload-checksum': `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`,
    });
    expect((await patch(url, 0, Buffer.from('0123'), checksum('sha1', '0123'))).status).toBe(204);
    const bad = await patch(url, 4, Buffer.from('xxxx'), checksum('sha256', '4567'));
    expect([bad.status, await problemOf(bad)]).toEqual([460, 'checksum_mismatch']);
    expect(await offsetOf(url)).toBe(4);
    const unknown = await patch(url, 4, Buffer.from('4567'), { 'upload-checksum': 'md4 eA==' });
    expect(unknown.status).toBe(400);
    expect((await patch(url, 4, Buffer.from('4567'), checksum('sha256', '4567'))).status).toBe(204);
    const view = firmwareViewSchema.parse(await (await finish(url)).json());
    expect(view.sha256).toBe(sha256(Buffer.from('01234567')));
  });

  it('lets one request at a time write, until the client asks where to go on', async () => {
    const url = await created(1_000_000);
    const stuck = openPatch(url, randomBytes(1000));
    await vi.waitFor(async () => expect(await arrived(url)).toBe(1000));
    expect((await patch(url, 0, Buffer.from('x'))).status).toBe(423);
    // A request that hangs on a dead network must not lock its own client out.
    expect(await offsetOf(url)).toBe(1000);
    expect((await patch(url, 1000, Buffer.from('x'))).status).toBe(204);
    stuck.destroy();
  });

  it('ends an upload, also one at work', async () => {
    const url = await created(1_000_000);
    openPatch(url, randomBytes(1000));
    await vi.waitFor(async () => expect(await arrived(url)).toBe(1000));
    expect((await patch(url, 0, Buffer.from('x'))).status).toBe(423);
    expect((await fetch(url, { method: 'DELETE', headers: TUS })).status).toBe(204);
    expect(await offsetOf(url)).toBe(404);
    expect(await ota.storedFiles()).not.toContain(url.split('/').at(-1));
  });

  it('forgets an upload that nobody went on with', async () => {
    const url = await created(10);
    await patch(url, 0, Buffer.from('01234'));
    nowMs += 23 * 3_600_000;
    expect(await offsetOf(url)).toBe(5);
    nowMs += 2 * 3_600_000;
    expect(await offsetOf(url)).toBe(410);
  });
});

describe('finishing', () => {
  it('checks what any upload is checked for', async () => {
    const notTar = await created(5, { model: 'cam', version: '3.0.0' });
    await patch(notTar, 0, Buffer.from('hello'));
    expect(await problemOf(await finish(notTar))).toBe('validation_failed');
    const other = await created(5, { ...image(), sha256: 'a'.repeat(64) });
    await patch(other, 0, Buffer.from('hello'));
    expect(await problemOf(await finish(other))).toBe('digest_mismatch');
    await ota.publish('cam', '4.0.0', tarBundle('4.0.0', randomBytes(100)));
    const released = await create(5, { model: 'cam', version: '4.0.0' });
    expect([released.status, await problemOf(released)]).toEqual([409, 'already_exists']);
  });
});
