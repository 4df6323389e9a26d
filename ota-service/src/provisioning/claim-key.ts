import { createPublicKey, verify, type KeyObject } from 'node:crypto';

/** Ed25519 or P-256: what secure elements and plain files both can hold. Null when it is neither. */
export function readClaimKey(spkiBase64: string): KeyObject | null {
  try {
    const der = Buffer.from(spkiBase64, 'base64');
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    if (key.asymmetricKeyType === 'ed25519') return key;
    const isP256 = key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
    return key.asymmetricKeyType === 'ec' && isP256 ? key : null;
  } catch {
    return null;
  }
}

/** Ed25519 signs the statement itself (RFC 8032), ECDSA its SHA-256 as DER (RFC 3279, 2.2.3). */
export function isClaimSignature(key: KeyObject, statement: string, signature: Buffer): boolean {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  return verify(digest, Buffer.from(statement), key, signature);
}
