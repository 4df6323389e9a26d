import { denylistPageSchema } from '@flotilla/contracts';
import { ProblemError, type Logger } from '@flotilla/service';
import type { CertificateIdentity } from '@flotilla/signing';
import type { IdentityClient } from './identity-client.ts';

const POLL_MS = 1000;
const RETRY_SECONDS = 5;

type Listing = (subject: {
  readonly kind: 'device' | 'certificate';
  readonly subject: string;
}) => void;

/**
 * Who is not let in, at most a second behind ota-service. While it cannot be asked what was known last
 * holds; before it was first heard nobody is let in, for a restart must not let a revoked device in.
 */
export class Denylist {
  readonly #client: IdentityClient | null;
  readonly #logger: Logger;
  readonly #denied = new Set<string>();
  readonly #listeners = new Set<Listing>();
  readonly #stop = new AbortController();
  #after = 0;
  #isKnown: boolean;
  #isFailing = false;
  #running: Promise<void> | undefined;

  /** Without a client nobody is denied. */
  constructor(client: IdentityClient | null, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    this.#isKnown = client === null;
  }

  /** Called once for each new listing. */
  onListed(listener: Listing): void {
    this.#listeners.add(listener);
  }

  denies({ deviceId, serialNumber }: CertificateIdentity): boolean {
    return (
      this.#denied.has(`device ${deviceId}`) || this.#denied.has(`certificate ${serialNumber}`)
    );
  }

  /** Throws ProblemError `forbidden`, or `unavailable` while the list is not known. */
  refuse(deviceId: string): void {
    if (!this.#isKnown) {
      throw new ProblemError('unavailable', {
        detail: 'who is not let in is not known yet',
        retryAfterSeconds: RETRY_SECONDS,
      });
    }
    if (this.#denied.has(`device ${deviceId}`)) {
      throw new ProblemError('forbidden', { detail: `${deviceId} is not let in any more` });
    }
  }

  start(): void {
    const client = this.#client;
    if (client !== null) this.#running ??= this.#run(client);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#client?.close();
  }

  async #run(client: IdentityClient): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#read(client);
        this.#isKnown = true;
        this.#isFailing = false;
      } catch (err) {
        // Said once per outage.
        if (!this.#isFailing) this.#logger.error({ err }, 'the denylist cannot be read');
        this.#isFailing = true;
      }
      await pause(POLL_MS, signal);
    }
  }

  async #read(client: IdentityClient): Promise<void> {
    for (let more = true; more;) {
      const path = `/internal/v1/denylist?after=${this.#after}`;
      const page = await client.get(path, denylistPageSchema);
      for (const { kind, subject, listed, reason } of page.entries) {
        // Who drains is still let in: it hands in its last telemetry.
        if (listed && reason !== 'draining') {
          this.#denied.add(`${kind} ${subject}`);
          for (const listener of this.#listeners) listener({ kind, subject });
        } else this.#denied.delete(`${kind} ${subject}`);
      }
      this.#after = page.nextAfter;
      more = page.more;
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
