import type { Logger } from '@flotilla/service';
import type { DeviceStore } from './device-store.ts';

/**
 * Gathers the sightings of a moment and stores them in one commit. A commit waits for the disk, and
 * a fleet polls hundreds of times a second; a crash costs nothing but the last moment's sightings.
 */
export class LastSeenBuffer {
  readonly #store: DeviceStore;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #seenAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: DeviceStore, logger: Logger, intervalMs: number) {
    this.#store = store;
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  note(deviceId: string, nowMs: number): void {
    this.#seenAtMs.set(deviceId, nowMs);
    this.#timer ??= setTimeout(() => {
      this.flush().catch((err: unknown) =>
        this.#logger.error({ err }, 'last-seen times were lost'),
      );
    }, this.#intervalMs);
  }

  /** Everything noted so far is stored when it resolves; call before reading the times. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#seenAtMs.size === 0) return;
    const batch = this.#seenAtMs;
    this.#seenAtMs = new Map();
    await this.#store.setLastSeen(batch);
  }
}
