import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import type { Kysely } from 'kysely';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuthorityStore } from '../../src/ca/authority-store.ts';
import {
  CertificateAuthority,
  DEFAULT_LIFETIMES,
  type CaLifetimes,
} from '../../src/ca/certificate-authority.ts';
import { newSigningKeys, readRequest } from '../../src/ca/certificates.ts';
import { KeyVault, KeyVaultError } from '../../src/ca/key-vault.ts';
import type { Database } from '../../src/db/database.ts';
import { openDatabase } from '../../src/db/open-database.ts';
import { describeEngines } from '../../src/testing/engines.ts';

const DAY_MS = 86_400_000;
let database: Kysely<Database>;
let nowMs: number;

async function csrFor(name: string, keys?: CryptoKeyPair): Promise<Buffer> {
  const request = await Pkcs10CertificateRequestGenerator.create(
    {
      name,
      keys: keys ?? (await newSigningKeys()),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    },
    crypto,
  );
  return Buffer.from(request.rawData);
}

describeEngines('the certificate authority', (engine) => {
  beforeEach(async () => {
    nowMs = Date.now();
    database = await openDatabase(await engine.newUrl());
  });
  afterEach(() => database.destroy());

  const open = (passphrase = 'a passphrase', lifetimes: Partial<CaLifetimes> = {}) =>
    CertificateAuthority.open({
      store: new AuthorityStore(database),
      vault: new KeyVault(passphrase, { N: 2 ** 10, r: 8, p: 1 }),
      lifetimes: { ...DEFAULT_LIFETIMES, ...lifetimes },
      clock: () => nowMs,
    });
  async function issue(ca: CertificateAuthority, id: string) {
    const reading = await readRequest(await csrFor(`CN=${id}`), id);
    if (reading.kind !== 'good') throw new Error(reading.reason);
    return ca.issueDevice(id, reading);
  }
  const certificates = (pem: string) =>
    pem
      .split(/(?<=-----END CERTIFICATE-----)/)
      .filter((part) => part.includes('BEGIN'))
      .map((part) => new X509Certificate(part));

  it('issues what the profile says, under the intermediate under the root', async () => {
    const ca = await open();
    const issued = await issue(ca, 'dev-1');
    const [leaf, intermediate] = certificates(issued.chainPem);
    const [root] = certificates(ca.trustBundlePem);
    expect(leaf!.subject).toBe('CN=dev-1');
    expect(leaf!.subjectAltName).toBe('URI:urn:flotilla:device:dev-1');
    expect(leaf!.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect([leaf!.ca, intermediate!.ca, root!.ca]).toEqual([false, true, true]);
    expect(leaf!.verify(intermediate!.publicKey)).toBe(true);
    expect(intermediate!.verify(root!.publicKey)).toBe(true);
    expect(root!.verify(root!.publicKey)).toBe(true);
    expect(leaf!.validToDate.getTime() / 1000).toBe(Math.floor((nowMs + 30 * DAY_MS) / 1000));
    expect(leaf!.serialNumber.toLowerCase()).toBe(issued.serialNumber);
    expect(issued.serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(issued.renewAtMs).toBe(nowMs + 20 * DAY_MS);
  });

  it('keeps its keys sealed, and opens them again after a start', async () => {
    const first = await open();
    const rows = await database.selectFrom('ca_authorities').selectAll().execute();
    expect(rows.map((row) => row.kind).sort()).toEqual(['intermediate', 'root']);
    for (const row of rows) expect(row.sealed_key).not.toContain('PRIVATE KEY');
    const again = await open();
    expect(again.trustBundlePem).toBe(first.trustBundlePem);
    const [leaf, intermediate] = certificates((await issue(again, 'dev-1')).chainPem);
    expect(leaf!.verify(intermediate!.publicKey)).toBe(true);
    await expect(open('another passphrase')).rejects.toThrow(KeyVaultError);
  });

  it('makes one root and one intermediate when replicas start at once', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    expect(a.trustBundlePem).toBe(b.trustBundlePem);
    expect(await database.selectFrom('ca_authorities').selectAll().execute()).toHaveLength(2);
  });

  it('goes over to a new intermediate under the same root', async () => {
    const ca = await open();
    const before = await issue(ca, 'dev-1');
    await ca.rotate('intermediate');
    const after = await issue(ca, 'dev-1');
    expect(after.authorityId).not.toBe(before.authorityId);
    const [root] = certificates(ca.trustBundlePem);
    for (const { chainPem } of [before, after]) {
      expect(certificates(chainPem)[1]!.verify(root!.publicKey)).toBe(true);
    }
    const states = ca.view().authorities.map(({ kind, state }) => `${kind} ${state}`);
    expect(states.sort()).toEqual(['intermediate active', 'intermediate retiring', 'root active']);
  });

  it('publishes a new root first, lets it sign later, and forgets the old one at its end', async () => {
    const ca = await open();
    const [oldRoot] = certificates(ca.trustBundlePem);
    await ca.rotate('root', 60_000);
    expect(certificates(ca.trustBundlePem)).toHaveLength(2);
    const early = certificates((await issue(ca, 'dev-1')).chainPem);
    expect(early[1]!.verify(oldRoot!.publicKey)).toBe(true);

    nowMs += 60_000;
    expect(await ca.settle()).toBe(true);
    expect(await ca.settle()).toBe(false);
    const late = certificates((await issue(ca, 'dev-1')).chainPem);
    expect(late[1]!.verify(oldRoot!.publicKey)).toBe(false);
    const newRoot = certificates(ca.trustBundlePem).find(
      (root) => root.fingerprint256 !== oldRoot!.fingerprint256,
    );
    expect(late[1]!.verify(newRoot!.publicKey)).toBe(true);
    // A device that was away still gets from the old root to the server.
    const [, serverIssuer, cross] = certificates((await ca.issueServer(['localhost'])).certPem);
    expect(serverIssuer!.verify(cross!.publicKey)).toBe(true);
    expect(cross!.verify(oldRoot!.publicKey)).toBe(true);

    nowMs += 31 * DAY_MS;
    await ca.settle();
    expect(certificates(ca.trustBundlePem).map((root) => root.fingerprint256)).toEqual([
      newRoot!.fingerprint256,
    ]);
  });

  it('comes to its successors by itself, and signs nothing beyond its own end', async () => {
    const ca = await open('p', { intermediateMs: 90 * DAY_MS, rootMs: 300 * DAY_MS });
    const first = ca.view().authorities;
    for (let day = 0; day < 400; day += 20) {
      nowMs += 20 * DAY_MS;
      await ca.settle();
      const issued = await issue(ca, 'dev-1');
      expect(issued.notAfterMs).toBe(nowMs + 30 * DAY_MS);
      const [, intermediate] = certificates(issued.chainPem);
      const roots = certificates(ca.trustBundlePem);
      expect(roots.some((root) => intermediate!.verify(root.publicKey))).toBe(true);
    }
    expect(ca.view().authorities.some(({ id }) => first.some((one) => one.id === id))).toBe(false);
  });
});

describe('a request for a certificate', () => {
  it('is taken with its name and a P-256 key', async () => {
    expect(await readRequest(await csrFor('CN=dev-1'), 'dev-1')).toMatchObject({ kind: 'good' });
  });

  it.each([
    ['another name', () => csrFor('CN=dev-2'), 'the subject must be CN=dev-1 and nothing else'],
    ['more names', () => csrFor('CN=dev-1, O=Acme'), 'the subject must be CN=dev-1'],
    ['two common names', () => csrFor('CN=dev-1, CN=dev-2'), 'the subject must be CN=dev-1'],
    ['no request', () => Promise.resolve(randomBytes(80)), 'this is no PKCS #10 request'],
    [
      'another curve',
      async () => {
        const algorithm = { name: 'ECDSA', namedCurve: 'P-384' };
        return csrFor('CN=dev-1', await crypto.subtle.generateKey(algorithm, true, ['sign']));
      },
      'the key must be one of the curve P-256',
    ],
    [
      'a damaged signature',
      async () => {
        const csr = await csrFor('CN=dev-1');
        csr[csr.length - 1]! ^= 1;
        return csr;
      },
      'its signature is not by its own key',
    ],
    [
      'the key of somebody else',
      async () => {
        const csr = await csrFor('CN=dev-1');
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const foreign = publicKey.export({ type: 'spki', format: 'der' }).subarray(-64);
        const own = csr.indexOf(Buffer.from([0x03, 0x42, 0x00, 0x04])) + 4;
        foreign.copy(csr, own);
        return csr;
      },
      'its signature is not by its own key',
    ],
  ])('with %s is refused', async (_what, make, reason) => {
    const reading = await readRequest(await make(), 'dev-1');
    expect(reading.kind === 'refused' && reading.reason).toContain(reason);
  });
});
