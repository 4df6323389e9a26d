import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Logger } from '@flotilla/service';
import { DeviceConnections } from '@flotilla/signing';
import type { CertificateAuthority, ServerIdentity } from '../ca/certificate-authority.ts';
import type { Denylist } from '../ca/denylist.ts';

/** Nothing of what operators call is here, whatever they show. */
const DEVICE_PATHS = /^\/(device|default\/controller|pki)\/|^\/healthz$/;
const CHECK_MS = 1000;
const CLOSE_POLL_MS = 50;
const HEADERS_TIMEOUT_MS = 15_000;
/** Longer than devices pause between polls, or each costs a handshake. */
const KEEP_ALIVE_MS = 75_000;

export interface DeviceListenerDeps {
  readonly ca: CertificateAuthority;
  readonly denylist: Denylist;
  /** DNS names and addresses that devices reach us by. */
  readonly names: readonly string[];
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
  readonly clock: () => number;
  readonly logger: Logger;
}

/**
 * The device API behind TLS. A client certificate is asked for and not demanded, for a new device has
 * none yet. Certificates of its own and the roots it trusts are exchanged while it runs; the
 * connections of whoever is denied end at once.
 */
export class DeviceListener {
  readonly #deps: DeviceListenerDeps;
  readonly #server: Server;
  #identity: ServerIdentity;
  #trustBundlePem: string;
  #timer: NodeJS.Timeout | undefined;

  private constructor(deps: DeviceListenerDeps, identity: ServerIdentity) {
    this.#deps = deps;
    this.#identity = identity;
    this.#trustBundlePem = deps.ca.trustBundlePem;
    this.#server = createServer(
      { ...this.#context(), requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        if (DEVICE_PATHS.test(request.url ?? '')) deps.answer(request, response);
        else response.writeHead(404).end();
      },
    );
    this.#server.headersTimeout = HEADERS_TIMEOUT_MS;
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
    // A retired device may still come to hear that it shall wipe itself.
    const mayKnock = new Set<string | undefined>([undefined, 'draining', 'retired']);
    const connections = new DeviceConnections(
      ({ deviceId, serialNumber }) =>
        !mayKnock.has(deps.denylist.reasonFor('device', deviceId)) ||
        deps.denylist.reasonFor('certificate', serialNumber) === 'revoked',
    );
    this.#server.on('secureConnection', (socket: TLSSocket) => connections.add(socket));
    deps.denylist.onListed(({ kind, subject }) => {
      if (deps.denylist.reasonFor(kind, subject) !== 'draining') connections.cut(kind, subject);
    });
  }

  static async listen(
    deps: DeviceListenerDeps,
    at: { readonly host: string; readonly port: number },
  ): Promise<DeviceListener> {
    const listener = new DeviceListener(deps, await deps.ca.issueServer(deps.names));
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject);
      listener.#server.listen(at, () => resolve());
    });
    listener.#timer = setInterval(() => {
      listener
        .renew()
        .catch((err: unknown) =>
          deps.logger.error({ err }, 'the certificate for devices could not be renewed'),
        );
    }, CHECK_MS);
    return listener;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `https://${this.#deps.names[0] ?? 'localhost'}:${port}`;
  }

  /** Takes a new certificate and new roots where they are due; open connections go on. */
  async renew(): Promise<void> {
    const { ca, names, clock } = this.#deps;
    const isDue = clock() >= this.#identity.renewAtMs;
    if (!isDue && this.#trustBundlePem === ca.trustBundlePem) return;
    this.#trustBundlePem = ca.trustBundlePem;
    this.#identity = await ca.issueServer(names);
    this.#server.setSecureContext(this.#context());
  }

  /** Ends after the requests in flight, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    clearInterval(this.#timer);
    let closed = false;
    const closing = new Promise<void>((resolve) => this.#server.close(() => resolve())).then(() => {
      closed = true;
    });
    const deadline = performance.now() + graceMs;
    while (!closed && performance.now() < deadline) {
      this.#server.closeIdleConnections();
      await Promise.race([closing, delay(CLOSE_POLL_MS)]);
    }
    this.#server.closeAllConnections();
    await closing;
  }

  #context(): SecureContextOptions {
    const { keyPem: key, certPem: cert } = this.#identity;
    return { key, cert, ca: this.#trustBundlePem, minVersion: 'TLSv1.2' };
  }
}
