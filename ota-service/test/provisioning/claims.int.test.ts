import 'reflect-metadata';
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { claimStatement, manifestStatement, type Problem } from '@flotilla/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSigningKeys } from '../../src/ca/certificates.ts';
import { OPERATOR_TOKEN, startHarness, type OtaHarness } from '../../src/testing/ota-harness.ts';

let ota: OtaHarness;
let nowMs: number;
const manufacturer = generateKeyPairSync('ed25519');

beforeEach(async () => {
  nowMs = Date.now();
  ota = await startHarness({ clock: () => nowMs });
  const answer = await ota.operator('POST', '/api/v1/provisioning/manufacturers', {
    name: 'acme',
    publicKeyPem: manufacturer.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  });
  expect(answer.status).toBe(201);
});
afterEach(() => ota.close());

const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).toString('base64');
/** Any 32 bytes are taken for an Ed25519 key, and to make real ones takes long. */
const someKey = () =>
  Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), randomBytes(32)]);
const line = (serial: string, claimKey = someKey().toString('base64')) =>
  JSON.stringify({ serial, model: 'm', claimKey });

function upload(body: string, over: { signed?: string; format?: string } = {}): Promise<Response> {
  const digest = createHash('sha256')
    .update(over.signed ?? body)
    .digest('hex');
  const statement = Buffer.from(manifestStatement(digest));
  const signature = sign(null, statement, manufacturer.privateKey).toString('base64url');
  const format = over.format ?? 'jsonl';
  const query = new URLSearchParams({ manufacturer: 'acme', format, signature });
  return fetch(`${ota.url}/api/v1/provisioning/manifests?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, 'content-type': 'text/csv' },
    body,
  });
}
const rows = () => ota.database.selectFrom('manifest_devices').selectAll().execute();

describe('a manifest', () => {
  it('is taken with all its lines, and again without a change', async () => {
    const body = Array.from({ length: 1100 }, (_, i) => line(`sn-${i}`)).join('\n');
    const first = await upload(body);
    expect(first.status).toBe(201);
    expect(await first.json()).toMatchObject({ devices: 1100, known: 0 });
    expect(await (await upload(body)).json()).toMatchObject({ devices: 1100, known: 1100 });
    expect(await rows()).toHaveLength(1100);
  });

  it('with lines at fault is refused as a whole, with their numbers', async () => {
    const known = line('sn-known');
    expect((await upload(known)).status).toBe(201);
    const bad = [line('sn-1'), '{', line('sn-1'), line('sn-2', 'AAAA'), line('sn-known')];
    const answer = await upload(bad.join('\n'));
    expect(answer.status).toBe(400);
    const { errors } = (await answer.json()) as Problem;
    expect(errors?.map(({ pointer }) => pointer).sort()).toEqual([
      '/body/lines/2',
      '/body/lines/3',
      '/body/lines/4',
      '/body/lines/5',
    ]);
    expect((await rows()).map((row) => row.serial)).toEqual(['sn-known']);
  });

  it('that nobody signed is refused, whatever is in it', async () => {
    const answer = await upload(line('sn-1'), { signed: line('sn-2') });
    expect(answer.status).toBe(422);
    expect(await rows()).toEqual([]);
    expect((await upload(`${'x'.repeat(5000)}\n`)).status).toBe(400);
    expect((await upload('\n')).status).toBe(400);
  });

  it('is refused once the manufacturer is not trusted any more', async () => {
    const list = await ota.operator('GET', '/api/v1/provisioning/manufacturers');
    const { items } = (await list.json()) as { items: { id: string }[] };
    const path = `/api/v1/provisioning/manufacturers/${items[0]!.id}`;
    expect((await ota.operator('DELETE', path)).status).toBe(204);
    expect((await upload(line('sn-1'))).status).toBe(403);
  });
});

describe('a claim', () => {
  const claimKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  beforeEach(async () => {
    expect((await upload(line('sn-1', spkiOf(claimKey.publicKey)))).status).toBe(201);
  });

  const post = (path: string, body: unknown) => ota.call('POST', path, null, body);
  async function challenge(serial = 'sn-1'): Promise<string> {
    const answer = await post('/device/v1/provisioning/challenges', { serial });
    return ((await answer.json()) as { nonce: string }).nonce;
  }
  async function csr(name = 'sn-1'): Promise<Buffer> {
    const keys = await newSigningKeys();
    const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const options = { name: `CN=${name}`, keys, signingAlgorithm };
    return Buffer.from((await Pkcs10CertificateRequestGenerator.create(options, crypto)).rawData);
  }
  function claimOf(nonce: string, request: Buffer, signed = request, key = claimKey.privateKey) {
    const digest = createHash('sha256').update(signed).digest('hex');
    const signature = sign('sha256', Buffer.from(claimStatement('sn-1', nonce, digest)), key);
    return {
      serial: 'sn-1',
      nonce,
      csr: request.toString('base64'),
      signature: signature.toString('base64'),
    };
  }
  const claim = (body: object) => post('/device/v1/provisioning/claims', body);

  it('is granted once for a nonce, and not for a nonce that is over or somebody else’s', async () => {
    const request = await csr();
    const once = claimOf(await challenge(), request);
    expect((await claim(once)).status).toBe(201);
    expect((await claim(once)).status).toBe(401);
    // The same device key again: the answer was lost.
    expect((await claim(claimOf(await challenge(), request))).status).toBe(201);
    expect((await claim(claimOf(await challenge('sn-2'), request))).status).toBe(401);
    const late = await challenge();
    nowMs += 121_000;
    expect((await claim(claimOf(late, request))).status).toBe(401);
  });

  it('by another key, or for another request than was signed, is refused', async () => {
    const request = await csr();
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect((await claim(claimOf(await challenge(), request, request, stranger))).status).toBe(401);
    expect((await claim(claimOf(await challenge(), request, await csr()))).status).toBe(401);
    const misnamed = await csr('sn-2');
    expect((await claim(claimOf(await challenge(), misnamed))).status).toBe(400);
    expect(await ota.database.selectFrom('device_identities').selectAll().execute()).toEqual([]);
  });

  it('of two at once with different keys gives the identity to one', async () => {
    const claims = await Promise.all(
      [await csr(), await csr()].map(async (request) => claimOf(await challenge(), request)),
    );
    const answers = await Promise.all(claims.map(claim));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403]);
    const quarantined = await ota.operator('GET', '/api/v1/provisioning/quarantine');
    expect(await quarantined.json()).toMatchObject({ items: [{ kind: 'duplicate_claim' }] });
  });
});
