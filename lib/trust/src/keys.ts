import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { Key, Signature } from '@tufjs/models';
import type { AnyMetadata } from './metadata.ts';
import { copyOf } from './metadata.ts';

/** An Ed25519 public key in TUF's form (TUF 1.0.31, 4.2): hex, named by the SHA-256 of its canonical JSON. */
export function tufKey(publicKey: KeyObject): Key {
  const { x } = publicKey.export({ format: 'jwk' });
  if (x === undefined) throw new TypeError('this is not an Ed25519 public key');
  return keyOfHex(Buffer.from(x, 'base64url').toString('hex'));
}

/** The same key from the hex of its 32 bytes, as it stands in a root. */
export function keyOfHex(hex: string): Key {
  // Canonical JSON: these members sorted, and ASCII without escapes.
  const canonical = JSON.stringify({
    keytype: 'ed25519',
    keyval: { public: hex },
    scheme: 'ed25519',
  });
  const keyID = createHash('sha256').update(canonical).digest('hex');
  return new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: hex } });
}

/** A copy with one more signature, or this key's signature anew. */
export function withSignature<T extends AnyMetadata>(metadata: T, privateKey: KeyObject): T {
  const { keyID } = tufKey(createPublicKey(privateKey));
  const copy = copyOf(metadata);
  copy.sign(
    (bytes) => new Signature({ keyID, sig: sign(null, bytes, privateKey).toString('hex') }),
  );
  return copy;
}
