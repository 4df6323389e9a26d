import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { z } from 'zod';

export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's parameters for scrypt: 32 MiB and about a quarter of a second a guess. */
const DEFAULT_COST: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;
const CIPHER = 'aes-256-gcm';

const sealedSchema = z.object({
  kdf: z.literal('scrypt'),
  N: z
    .number()
    .int()
    .max(2 ** 20),
  r: z.number().int().max(32),
  p: z.number().int().max(16),
  salt: z.base64(),
  iv: z.base64(),
  tag: z.base64(),
  data: z.base64(),
});

/**
 * Keys at rest: AES-256-GCM under a key that scrypt makes of the operator's passphrase, with a salt and
 * a nonce of its own for each. A sealed key is bound to its name, so that none takes another's place.
 */
export class KeyVault {
  readonly #passphrase: string;
  readonly #cost: ScryptCost;
  constructor(passphrase: string, cost: ScryptCost = DEFAULT_COST) {
    this.#passphrase = passphrase;
    this.#cost = cost;
  }

  async seal(name: string, secret: Buffer): Promise<string> {
    const salt = randomBytes(16);
    const iv = randomBytes(12);
    const key = await derive(this.#passphrase, salt, this.#cost);
    const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(name));
    const data = Buffer.concat([cipher.update(secret), cipher.final()]);
    const [saltText, ivText, tag, dataText] = [salt, iv, cipher.getAuthTag(), data].map((bytes) =>
      bytes.toString('base64'),
    );
    return JSON.stringify({
      ...{ kdf: 'scrypt', ...this.#cost },
      ...{ salt: saltText, iv: ivText, tag, data: dataText },
    });
  }

  /** Throws KeyVaultError: another passphrase, or not what was sealed under this name. */
  async open(name: string, sealed: string): Promise<Buffer> {
    try {
      const { salt, iv, tag, data, ...cost } = sealedSchema.parse(JSON.parse(sealed));
      const key = await derive(this.#passphrase, Buffer.from(salt, 'base64'), cost);
      const decipher = createDecipheriv(CIPHER, key, Buffer.from(iv, 'base64'), {
        authTagLength: 16,
      })
        .setAAD(Buffer.from(name))
        .setAuthTag(Buffer.from(tag, 'base64'));
      return Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]);
    } catch (cause) {
      throw new KeyVaultError(`the key of ${name} does not open with this passphrase`, { cause });
    }
  }
}

function derive(passphrase: string, salt: Buffer, { N, r, p }: ScryptCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, { N, r, p, maxmem: MAX_MEMORY_BYTES }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

export class KeyVaultError extends Error {
  override readonly name = 'KeyVaultError';
}
