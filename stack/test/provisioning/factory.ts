import { generateKeyPairSync, randomUUID, sign, createHash, type KeyObject } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manifestStatement } from '@flotilla/contracts';
import { createLogger } from '@flotilla/service';
import { readClaimKeyFile } from '../../../device-agent/src/identity/file-device-key.ts';
import { ProvisionedIdentity } from '../../../device-agent/src/provisioning/device-identity.ts';

export interface MadeDevice {
  readonly serial: string;
  readonly claimKey: KeyObject;
  readonly folder: string;
}

const logger = createLogger('test', 'silent');

/** Makes devices and says so in a signed manifest, as a manufacturer does. */
export class Factory {
  readonly #keys = generateKeyPairSync('ed25519');
  readonly #folder: string;
  readonly #rows: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  get publicKeyPem(): string {
    return this.#keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  }

  /** `isListed` false: made by somebody else. Every second one has a P-256 claim key. */
  async make(serial: string, model: string, isListed = true): Promise<MadeDevice> {
    const pair =
      this.#rows.length % 2 === 0
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const claimKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    if (isListed) this.#rows.push(JSON.stringify({ serial, model, claimKey }));
    const folder = join(this.#folder, serial);
    await mkdir(folder, { recursive: true });
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(folder, 'claim.key.pem'), pem, { mode: 0o600 });
    return { serial, claimKey: pair.privateKey, folder };
  }

  manifest(): { body: string; signature: string } {
    const body = `${this.#rows.join('\n')}\n`;
    const digest = createHash('sha256').update(body).digest('hex');
    const signature = sign(null, Buffer.from(manifestStatement(digest)), this.#keys.privateKey);
    return { body, signature: signature.toString('base64url') };
  }
}

export interface BootOptions {
  readonly provisioningUrl: string;
  readonly serverCaPem: string;
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

/** The agent's own code, with nothing but serial, claim key and the server's root. */
export async function boot(
  device: Pick<MadeDevice, 'serial' | 'folder'>,
  { provisioningUrl, serverCaPem, now, signal }: BootOptions,
): Promise<ProvisionedIdentity> {
  const quick = { baseMs: 20, maxMs: 50 };
  return ProvisionedIdentity.open(
    {
      deviceDir: device.folder,
      serial: device.serial,
      ...{ provisioningUrl, serverCaPem },
      requestTimeoutMs: 30_000,
      backOff: quick,
      refusedBackOff: quick,
    },
    {
      claimKey: await readClaimKeyFile(join(device.folder, 'claim.key.pem')),
      bootId: randomUUID(),
      now,
      random: Math.random,
      logger,
    },
    signal ?? AbortSignal.timeout(60_000),
  );
}
