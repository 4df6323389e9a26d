export interface RoundsOptions {
  readonly intervalMs: number;
  /** Must not reject. */
  readonly round: () => Promise<void>;
}

/** Does the same work again and again, one round at a time, each so long after the end of the last. */
export class BackgroundRounds {
  readonly #options: RoundsOptions;
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** Aborted when it is stopped. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  start(): void {
    this.#schedule(0);
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the service is stopping'));
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(delayMs: number): void {
    if (this.signal.aborted) return;
    const { round, intervalMs } = this.#options;
    this.#timer = setTimeout(() => {
      this.#running = round().finally(() => this.#schedule(intervalMs));
    }, delayMs);
  }
}
