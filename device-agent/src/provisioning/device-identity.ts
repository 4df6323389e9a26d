import { BOOT_ID_HEADER, type ClaimAnswer, type DeviceConfiguration } from '@flotilla/contracts';
import type { Logger } from '@flotilla/service';
import { abortableDelay } from '../abortable-delay.ts';
import { certificateRequest } from '../identity/certificate-request.ts';
import type { ClaimKey, DeviceKey, TlsKey } from '../identity/device-key.ts';
import { FileDeviceKey } from '../identity/file-device-key.ts';
import { TlsFetch } from '../identity/tls-fetch.ts';
import { retryDelayMs, type BackOff } from '../update/domain/retry-delay.ts';
import { decideRenewal, type CertificateTimes } from './domain/renewal-decision.ts';
import { IdentityFile } from './identity-file.ts';
import { ProvisioningClient } from './provisioning-client.ts';

const BACK_OFF: BackOff = { baseMs: 1000, maxMs: 300_000 };
/** What waits for a person is not asked for every few seconds. */
const REFUSED_BACK_OFF: BackOff = { baseMs: 30_000, maxMs: 900_000 };

export type DeviceTls = TlsKey & { readonly ca: string; readonly cert: string };

export interface ProvisioningSettings {
  readonly deviceDir: string;
  readonly serial: string;
  readonly provisioningUrl: string;
  /** PEM of the root that the server is known by before the first claim. */
  readonly serverCaPem: string;
  readonly requestTimeoutMs: number;
  readonly backOff?: BackOff;
  readonly refusedBackOff?: BackOff;
}

export interface ProvisioningSurroundings {
  readonly claimKey: ClaimKey;
  /** In a file below the device folder when not given. */
  readonly deviceKey?: DeviceKey;
  /** Of this run of the agent. */
  readonly bootId: string;
  readonly now: () => number;
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * Who this device is: nothing but serial, claim key and pinned root at first, then a certificate of its
 * own, which is renewed before it ends, and claimed anew when it ended while the device was away.
 */
export class ProvisionedIdentity {
  readonly #settings: ProvisioningSettings;
  readonly #around: ProvisioningSurroundings;
  readonly #key: DeviceKey;
  readonly #file: IdentityFile;
  readonly #client: ProvisioningClient;
  readonly #stop = new AbortController();
  readonly #tls: TlsFetch;
  #identity: ClaimAnswer;
  #renewing: Promise<void> | undefined;

  private constructor(
    settings: ProvisioningSettings,
    around: ProvisioningSurroundings,
    parts: { key: DeviceKey; file: IdentityFile; client: ProvisioningClient },
    identity: ClaimAnswer,
  ) {
    this.#settings = settings;
    this.#around = around;
    this.#key = parts.key;
    this.#file = parts.file;
    this.#client = parts.client;
    this.#identity = identity;
    this.#tls = new TlsFetch(this.#context(), { [BOOT_ID_HEADER]: around.bootId });
  }

  /** Resolves once the device has an identity; claims until it gets one. Rejects when the signal fires. */
  static async open(
    settings: ProvisioningSettings,
    around: ProvisioningSurroundings,
    signal: AbortSignal,
  ): Promise<ProvisionedIdentity> {
    const file = new IdentityFile(settings.deviceDir, around.logger);
    await file.prepare();
    const key = around.deviceKey ?? (await FileDeviceKey.open(file.keyPath));
    const { provisioningUrl: baseUrl, requestTimeoutMs } = settings;
    const client = new ProvisioningClient({ baseUrl, requestTimeoutMs });
    const parts = { key, file, client };
    let identity = await file.read();
    if (decideRenewal(timesOf(identity), around.now()).kind === 'claim') {
      identity = await claimUntilGiven(settings, around, parts, identity, signal);
    }
    if (identity === null) throw new Error('there is no identity');
    return new ProvisionedIdentity(settings, around, parts, identity);
  }

  get configuration(): DeviceConfiguration {
    return this.#identity.configuration;
  }

  get times(): CertificateTimes {
    return timesOf(this.#identity) ?? { renewAtMs: 0, notAfterMs: 0 };
  }

  /** Over TLS, with the newest certificate. */
  get fetch(): typeof fetch {
    return this.#tls.fetch;
  }

  /** For connections that are made elsewhere. */
  clientTls(): DeviceTls {
    return this.#context();
  }

  /** Renews in time from now on. */
  start(): void {
    this.#renewing ??= this.#renewLoop();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the agent stops'));
    await this.#renewing;
    this.#tls.close();
  }

  /** Certificate, keys and all: the device is nobody from then on. */
  async destroy(): Promise<void> {
    await this.stop();
    await this.#around.claimKey.destroy();
    await this.#key.destroy();
    await this.#file.remove();
  }

  /** Does what is due now; the time to wait before the next look. */
  async renewIfDue(signal: AbortSignal = this.#stop.signal): Promise<number | null> {
    const { now } = this.#around;
    const decision = decideRenewal(this.times, now());
    if (decision.kind === 'wait') return decision.ms;
    if (decision.kind === 'claim') {
      const parts = { key: this.#key, file: this.#file, client: this.#client };
      const given = await claimUntilGiven(
        this.#settings,
        this.#around,
        parts,
        this.#identity,
        signal,
      );
      this.#take(given);
      return 0;
    }
    const csr = await certificateRequest(this.configuration.deviceId, this.#key);
    const answer = await this.#client.renew(csr, this.fetch, signal);
    if (answer.kind !== 'ok') {
      this.#around.logger.warn({ why: answer.why }, 'the certificate is not renewed yet');
      return null;
    }
    const identity = { ...this.#identity, certificate: answer.value };
    await this.#file.write(identity);
    this.#take(identity);
    return 0;
  }

  #take(identity: ClaimAnswer): void {
    this.#identity = identity;
    this.#tls.use(this.#context());
    const { notAfter } = identity.certificate;
    this.#around.logger.info({ notAfter }, 'a new certificate is in use');
  }

  async #renewLoop(): Promise<void> {
    const { signal } = this.#stop;
    const { random } = this.#around;
    let failures = 0;
    while (!signal.aborted) {
      const waitMs = await this.renewIfDue(signal).catch((error: unknown) => {
        if (!signal.aborted) this.#around.logger.error({ err: error }, 'renewal failed');
        return null;
      });
      failures = waitMs === null ? failures + 1 : 0;
      await abortableDelay(waitMs ?? retryDelayMs(failures, BACK_OFF, random()), signal);
    }
  }

  #context(): DeviceTls {
    const { chainPem: cert, trustBundlePem: ca } = this.#identity.certificate;
    return { ...this.#key.tls(), ca, cert };
  }
}

async function claimUntilGiven(
  settings: ProvisioningSettings,
  around: ProvisioningSurroundings,
  { key, file, client }: { key: DeviceKey; file: IdentityFile; client: ProvisioningClient },
  former: ClaimAnswer | null,
  signal: AbortSignal,
): Promise<ClaimAnswer> {
  const { serial, backOff = BACK_OFF, refusedBackOff = REFUSED_BACK_OFF } = settings;
  const { claimKey, random, logger } = around;
  const csr = await certificateRequest(serial, key);
  // Roots of an earlier claim know of rotations since; before it there is only the pinned one.
  const tls = new TlsFetch({ ca: former?.certificate.trustBundlePem ?? settings.serverCaPem });
  try {
    for (let failures = 1; ; failures += 1) {
      signal.throwIfAborted();
      const answer = await client.claim(serial, csr, claimKey, tls.fetch, signal);
      if (answer.kind === 'ok') {
        await file.write(answer.value);
        logger.info({ serial, notAfter: answer.value.certificate.notAfter }, 'claimed');
        return answer.value;
      }
      const chosen = answer.kind === 'refused' ? refusedBackOff : backOff;
      const waitMs = retryDelayMs(failures, chosen, random());
      logger.warn({ serial, why: answer.why, waitMs }, 'the claim is not granted yet');
      await abortableDelay(waitMs, signal);
    }
  } finally {
    tls.close();
  }
}

function timesOf(identity: ClaimAnswer | null): CertificateTimes | null {
  if (identity === null) return null;
  const { renewAt, notAfter } = identity.certificate;
  return { renewAtMs: Date.parse(renewAt), notAfterMs: Date.parse(notAfter) };
}
