import { randomBytes } from 'node:crypto';
import type { FirmwareView } from '@flotilla/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';
import { tarBundle } from '../../src/testing/tar-bundle.ts';

let ota: OtaHarness;
let artifact: Buffer;
let path: string;
let etag: string;
let token: string;

beforeAll(async () => {
  ota = await startHarness();
  artifact = tarBundle('1.0.0', randomBytes(200_000));
  const { sha256 } = await ota.publish('m', '1.0.0', artifact);
  [path, etag] = [`/device/v1/artifacts/${sha256}`, `"${sha256}"`];
  ({ token } = await ota.newDevice('m'));
});
afterAll(() => ota.close());

const get = (headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${ota.url}${path}`, { method, headers: { authorization: `Bearer ${token}`, ...headers } });

describe('downloading an artifact', () => {
  it('comes whole, with a strong entity tag', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('etag')).toBe(etag);
    expect(answer.headers.get('accept-ranges')).toBe('bytes');
    expect(answer.headers.get('content-length')).toBe(String(artifact.length));
    expect(Buffer.from(await answer.arrayBuffer()).equals(artifact)).toBe(true);
  });

  it.each([
    ['bytes=0-99', 0, 99],
    ['bytes=1000-1000', 1000, 1000],
    ['bytes=150000-', 150_000, -1],
    ['bytes=-10', -10, -1],
  ])('%s comes as that part', async (range, first, last) => {
    const size = artifact.length;
    const [from, to] = [first < 0 ? size + first : first, last < 0 ? size + last : last];
    const answer = await get({ range, 'if-range': etag });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${to}/${size}`);
    expect(answer.headers.get('content-length')).toBe(String(to - from + 1));
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.equals(artifact.subarray(from, to + 1))).toBe(true);
  });

  it('resumes where it stopped', async () => {
    const start = Buffer.from(await (await get({ range: 'bytes=0-70000' })).arrayBuffer());
    const rest = Buffer.from(await (await get({ range: 'bytes=70001-' })).arrayBuffer());
    expect(Buffer.concat([start, rest]).equals(artifact)).toBe(true);
  });

  it('answers a range behind the end with the size', async () => {
    const answer = await get({ range: `bytes=${artifact.length}-` });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe(`bytes */${artifact.length}`);
    expect(await answer.json()).toMatchObject({ code: 'range_not_satisfiable' });
  });

  it('sends all when If-Range names other bytes', async () => {
    const answer = await get({ range: 'bytes=0-9', 'if-range': '"else"' });
    expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([
      200,
      artifact.length,
    ]);
  });

  it('answers HEAD with the headers alone', async () => {
    const answer = await get({ range: 'bytes=0-9' }, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe(String(artifact.length));
    expect(await answer.text()).toBe('');
  });

  it('is for released firmware of the own model alone', async () => {
    const draftAnswer = await ota.upload(
      { model: 'm', version: '2.0.0' },
      tarBundle('2.0.0', randomBytes(1000)),
    );
    const draft = (await draftAnswer.json()) as FirmwareView;
    const other = await ota.publish('other', '2.0.0', tarBundle('2.0.0', randomBytes(2000)));
    for (const sha256 of [draft.sha256, other.sha256, 'f'.repeat(64)]) {
      const answer = await ota.call('GET', `/device/v1/artifacts/${sha256}`, token);
      expect(answer.status).toBe(404);
    }
    const bad = await ota.call('GET', '/device/v1/artifacts/..%2f..%2fregistry.db', token);
    expect([bad.status, await bad.json()]).toMatchObject([400, { code: 'validation_failed' }]);
  });
});

it('stops in a few seconds, whatever a slow device is still downloading', async () => {
  const slow = await startHarness();
  try {
    // More than the sockets' buffers hold, so the answer cannot end unread.
    const { sha256 } = await slow.publish('m', '1.0.0', tarBundle('1.0.0', randomBytes(30e6)));
    const device = await slow.newDevice('m');
    const answer = await slow.call('GET', `/device/v1/artifacts/${sha256}`, device.token);
    expect(answer.status).toBe(200);
    const startedMs = Date.now();
    await slow.stopService();
    expect(Date.now() - startedMs).toBeLessThan(8000);
    await expect(answer.arrayBuffer()).rejects.toThrow();
  } finally {
    await slow.close();
  }
});
