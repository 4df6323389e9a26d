import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { issuedServerCertificateSchema, type IssuedServerCertificate } from '@flotilla/contracts';
import { ConfigError, type Logger } from '@flotilla/service';
import type { IdentityClient } from '../admit/identity-client.ts';
import type { Config } from '../config.ts';
import type { TlsFiles } from './start-receivers.ts';

const LOOK_MS = 5000;
/** ota-service may start after the collector. */
const START_PATIENCE_MS = 60_000;
const START_RETRY_MS = 500;

/** Key, certificate and roots for TLS, from ota-service's authority; the key never leaves this process. */
export class ServerCertificate {
  readonly #client: IdentityClient;
  readonly #names: readonly string[];
  readonly #logger: Logger;
  readonly #clock: () => number;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  #issued: IssuedServerCertificate;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    client: IdentityClient,
    names: readonly string[],
    logger: Logger,
    clock: () => number,
    issued: IssuedServerCertificate,
  ) {
    this.#client = client;
    this.#names = names;
    this.#logger = logger;
    this.#clock = clock;
    this.#issued = issued;
  }

  /** Null when files give the certificate, or there is no TLS. */
  static async open(
    config: Config,
    client: IdentityClient | null,
    logger: Logger,
    clock: () => number,
  ): Promise<ServerCertificate | null> {
    const { FLOTILLA_TLS_NAMES: names } = config;
    if (names === undefined) return null;
    if (client === null) throw new ConfigError(['FLOTILLA_TLS_NAMES needs FLOTILLA_IDENTITY_URL']);
    const none = { chainPem: '', trustBundlePem: '', renewAt: '' };
    const made = new ServerCertificate(client, names, logger, clock, none);
    const deadline = performance.now() + START_PATIENCE_MS;
    for (;;) {
      try {
        await made.#ask();
        return made;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(START_RETRY_MS);
      }
    }
  }

  get files(): TlsFiles {
    const key = this.#keys.privateKey.export({ type: 'pkcs8', format: 'pem' });
    return {
      key: Buffer.from(key),
      cert: Buffer.from(this.#issued.chainPem),
      clientCa: Buffer.from(this.#issued.trustBundlePem),
    };
  }

  /** Renews in time, and hears of new roots within seconds. */
  start(use: (files: TlsFiles) => void): void {
    this.#timer = setInterval(() => {
      this.#look(use).catch((err: unknown) =>
        this.#logger.error({ err }, 'the certificate cannot be renewed'),
      );
    }, LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(use: (files: TlsFiles) => void): Promise<void> {
    const isDue = this.#clock() >= Date.parse(this.#issued.renewAt);
    const bundle = await this.#client.getText('/pki/v1/trust-bundle.pem');
    if (!isDue && bundle === this.#issued.trustBundlePem) return;
    await this.#ask();
    use(this.files);
  }

  async #ask(): Promise<void> {
    const publicKeyPem = this.#keys.publicKey.export({ type: 'spki', format: 'pem' });
    const body = { names: this.#names, publicKeyPem };
    const path = '/internal/v1/server-certificates';
    this.#issued = await this.#client.post(path, body, issuedServerCertificateSchema);
  }
}
