import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { chmod, readFile, rm } from 'node:fs/promises';
import { isFileError, writeFileDurably } from '../disk/durable-file.ts';
import type { ClaimKey, DeviceKey } from './device-key.ts';

/** A device key in a file that only its owner reads; made when there is none. */
export class FileDeviceKey implements DeviceKey {
  readonly #path: string;
  readonly #pem: string;
  readonly #key: KeyObject;
  readonly publicKey: KeyObject;

  private constructor(path: string, pem: string) {
    this.#path = path;
    this.#pem = pem;
    this.#key = createPrivateKey(pem);
    this.publicKey = createPublicKey(this.#key);
  }

  static async open(path: string): Promise<FileDeviceKey> {
    try {
      return new FileDeviceKey(path, await readFile(path, 'utf8'));
    } catch (error) {
      if (!isFileError(error, 'ENOENT')) throw error;
    }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    // Durable before anybody hears of its public half: a power cut must not leave a certificate without.
    await writeFileDurably(path, pem);
    await chmod(path, 0o600);
    return new FileDeviceKey(path, pem);
  }

  sign(data: Uint8Array): Promise<Buffer> {
    return Promise.resolve(sign('sha256', data, this.#key));
  }

  tls(): { key: string } {
    return { key: this.#pem };
  }

  destroy(): Promise<void> {
    return rm(this.#path, { force: true });
  }
}

/** A claim key in a PEM file. Throws when the file is not there or holds another kind of key. */
export async function readClaimKeyFile(path: string): Promise<ClaimKey> {
  const key = createPrivateKey(await readFile(path, 'utf8'));
  const isEd25519 = key.asymmetricKeyType === 'ed25519';
  if (!isEd25519 && key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new Error(`${path} holds no Ed25519 or P-256 key`);
  }
  return {
    sign: (text) => Promise.resolve(sign(isEd25519 ? null : 'sha256', Buffer.from(text), key)),
    destroy: () => rm(path, { force: true }),
  };
}
