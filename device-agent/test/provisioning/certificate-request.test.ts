import 'reflect-metadata';
import { generateKeyPairSync, sign } from 'node:crypto';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { certificateRequest } from '../../src/identity/certificate-request.ts';
import { decideRenewal } from '../../src/provisioning/domain/renewal-decision.ts';

describe('a request for a certificate', () => {
  // Names on both sides of the lengths at which DER takes another byte.
  it.each(['a', 'sensor-1', 'x'.repeat(64), 'y'.repeat(120), 'z'.repeat(200)])(
    'for %s is what PKCS #10 says',
    async (name) => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const der = await certificateRequest(name, {
        publicKey,
        sign: (data) => Promise.resolve(sign('sha256', data, privateKey)),
        tls: () => ({}),
        destroy: () => Promise.resolve(),
      });
      const request = new Pkcs10CertificateRequest(new Uint8Array(der));
      expect(request.subjectName.toJSON()).toEqual([{ CN: [name] }]);
      expect(await request.verify(crypto)).toBe(true);
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      expect(Buffer.from(request.publicKey.rawData).equals(spki)).toBe(true);
    },
  );
});

describe('renewal', () => {
  const times = { renewAtMs: 2000, notAfterMs: 3000 };
  it.each([
    [1000, { kind: 'wait', ms: 1000 }],
    [2000, { kind: 'renew' }],
    [2999, { kind: 'renew' }],
    [3000, { kind: 'claim' }],
  ])('at %d is %j', (nowMs, decision) => {
    expect(decideRenewal(times, nowMs)).toEqual(decision);
  });

  it('is a claim for a device without a certificate, and is looked at every hour', () => {
    expect(decideRenewal(null, 0)).toEqual({ kind: 'claim' });
    const far = { renewAtMs: 1e12, notAfterMs: 2e12 };
    expect(decideRenewal(far, 0)).toEqual({ kind: 'wait', ms: 3_600_000 });
  });
});
