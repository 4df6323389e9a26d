import { setImmediate } from 'node:timers/promises';
import type { Logger } from '@flotilla/service';
import { MAX_SIGHTINGS, type DeviceStore } from './device-store.ts';

/**
 * Gathers the sightings of a moment and stores them together. A commit waits for the disk, and a fleet
 * polls thousands of times a second; a crash costs nothing but the last moment's sightings.
 */
export class LastSeenBuffer {
  readonly #store: Pick<DeviceStore, 'setLastSeen'>;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #seenAtMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<DeviceStore, 'setLastSeen'>, logger: Logger, intervalMs: number) {
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
    // By id, for neighbours share pages of the table.
    const batch = [...this.#seenAtMs].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#seenAtMs = new Map();
    for (let from = 0; from < batch.length; from += MAX_SIGHTINGS) {
      await this.#store.setLastSeen(batch.slice(from, from + MAX_SIGHTINGS));
      // An embedded registry answers without leaving the event loop; requests go in between.
      await setImmediate();
    }
  }
}
