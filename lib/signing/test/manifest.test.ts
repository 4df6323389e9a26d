import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { MANIFEST_PAYLOAD_TYPE, type Manifest } from '@flotilla/contracts';
import {
  generateEd25519,
  keyId,
  ManifestError,
  openEnvelope,
  openManifest,
  preAuthEncoding,
  readPrivateKey,
  readPublicKey,
  SignatureError,
  signEnvelope,
  signManifest,
} from '../src/index.ts';

const pair = generateEd25519();
const privateKey = readPrivateKey(pair.privateKeyPem);
const publicKey = readPublicKey(pair.publicKeyPem);
const stranger = generateEd25519();

const manifest: Manifest = {
  schemaVersion: 1,
  model: 'sensor-v1',
  version: '1.2.3',
  artifact: { sha256: 'ab'.repeat(32), sizeBytes: 1234, format: 'tar' },
  allowDowngrade: false,
  createdAt: '2026-01-02T03:04:05Z',
};

describe('preAuthEncoding', () => {
  it('follows the example of the DSSE specification', () => {
    const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
});

describe('openManifest', () => {
  it('gives back what was signed', () => {
    expect(openManifest(signManifest(manifest, privateKey), [publicKey])).toEqual(manifest);
  });

  it('accepts any one of several trusted keys, as during a rotation', () => {
    const other = readPublicKey(stranger.publicKeyPem);
    expect(openManifest(signManifest(manifest, privateKey), [other, publicKey])).toEqual(manifest);
  });

  it('refuses a stranger, even one that claims the trusted key id', () => {
    const forged = signManifest(manifest, readPrivateKey(stranger.privateKeyPem));
    forged.signatures[0]!.keyid = keyId(publicKey);
    expect(() => openManifest(forged, [publicKey])).toThrow(SignatureError);
  });

  it('refuses another payload type with a good signature', () => {
    const envelope = signEnvelope('text/plain', Buffer.from(JSON.stringify(manifest)), privateKey);
    expect(() => openManifest(envelope, [publicKey])).toThrow('payload type is text/plain');
  });

  it.each([
    ['not JSON', 'x'],
    ['an unknown field', JSON.stringify({ ...manifest, extra: 1 })],
    ['no version', JSON.stringify({ ...manifest, version: undefined })],
  ])('refuses signed content that is %s', (_what, payload) => {
    const envelope = signEnvelope(MANIFEST_PAYLOAD_TYPE, Buffer.from(payload), privateKey);
    expect(() => openManifest(envelope, [publicKey])).toThrow(ManifestError);
  });

  it('refuses every change of one bit in the payload or the signature', () => {
    const envelope = signManifest(manifest, privateKey);
    const payload = Buffer.from(envelope.payload, 'base64');
    const signature = Buffer.from(envelope.signatures[0]!.sig, 'base64');
    const flip = (bytes: Buffer, bit: number) => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3]! ^= 1 << (bit & 7);
      return copy.toString('base64');
    };
    fc.assert(
      fc.property(fc.nat(payload.length * 8 - 1), fc.nat(511), (inPayload, inSignature) => {
        const changed = [
          { ...envelope, payload: flip(payload, inPayload) },
          { ...envelope, signatures: [{ keyid: '', sig: flip(signature, inSignature) }] },
        ];
        for (const e of changed) {
          expect(() => openEnvelope(e, MANIFEST_PAYLOAD_TYPE, [publicKey])).toThrow(SignatureError);
        }
      }),
    );
  });
});
