import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

/** An Ed25519 pair as PEM text (PKCS #8 and SubjectPublicKeyInfo). */
export interface PemKeyPair {
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
}

export function generateEd25519(): PemKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Throws KeyError when the text is not an Ed25519 key. */
export function readPrivateKey(pem: string): KeyObject {
  return readKey(() => createPrivateKey(pem), 'private');
}

export function readPublicKey(pem: string): KeyObject {
  return readKey(() => createPublicKey(pem), 'public');
}

function readKey(read: () => KeyObject, kind: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new KeyError(`this is not a PEM ${kind} key`, { cause });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KeyError(
      `expected an Ed25519 ${kind} key, got ${key.asymmetricKeyType ?? 'another kind'}`,
    );
  }
  return key;
}

/** Names a public key: SHA-256 of its SubjectPublicKeyInfo, in hex. */
export function keyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

export class KeyError extends Error {
  override readonly name = 'KeyError';
}
