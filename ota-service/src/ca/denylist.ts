import type { Logger } from '@flotilla/service';
import type { DeniedSubject, DenylistStore } from './denylist-store.ts';

const POLL_MS = 1000;
const PAGE_ENTRIES = 5000;

/** `draining`: still let in, and told to hand in its telemetry. `retired`: may only hear that it shall wipe itself. */
export type DenyReason = 'draining' | 'retired' | 'quarantined' | 'revoked';

/**
 * The denylist in this process: asked with every request, and at most a second behind the registry,
 * whichever replica wrote. Listeners hear of everybody who is newly listed.
 */
export class Denylist {
  readonly #store: DenylistStore;
  readonly #logger: Logger;
  readonly #pollMs: number;
  readonly #listed = new Map<string, string>();
  readonly #listeners = new Set<(subject: DeniedSubject) => void>();
  #after = 0;
  #reading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: DenylistStore, logger: Logger, pollMs = POLL_MS) {
    this.#store = store;
    this.#logger = logger;
    this.#pollMs = pollMs;
  }

  /** Why it is listed; undefined when it is not. */
  reasonFor(kind: DeniedSubject['kind'], subject: string): string | undefined {
    return this.#listed.get(`${kind} ${subject}`);
  }

  /** Called in this process once for each new listing. */
  onListed(listener: (subject: DeniedSubject) => void): void {
    this.#listeners.add(listener);
  }

  /** Reads all there is, then looks again every second. */
  async start(): Promise<void> {
    await this.refresh();
    this.#timer = setInterval(() => {
      this.refresh().catch((err: unknown) =>
        this.#logger.error({ err }, 'the denylist could not be read'),
      );
    }, this.#pollMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading?.catch(() => undefined);
  }

  async deny(subjects: readonly DeniedSubject[], reason: DenyReason, nowMs: number): Promise<void> {
    await this.#store.set(subjects, true, reason, nowMs);
    await this.refresh();
  }

  async admit(subjects: readonly DeniedSubject[], reason: string, nowMs: number): Promise<void> {
    await this.#store.set(subjects, false, reason, nowMs);
    await this.refresh();
  }

  /** Whatever was stored before the call is known when it resolves. */
  async refresh(): Promise<void> {
    await this.#reading?.catch(() => undefined);
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #read(): Promise<void> {
    for (let more = true; more;) {
      const page = await this.#store.changesAfter(this.#after, PAGE_ENTRIES);
      for (const { kind, subject, listed, reason } of page.entries) {
        if (listed) this.#listed.set(`${kind} ${subject}`, reason);
        else this.#listed.delete(`${kind} ${subject}`);
        if (listed) for (const listener of this.#listeners) listener({ kind, subject });
      }
      this.#after = page.nextAfter;
      more = page.more;
    }
  }
}
