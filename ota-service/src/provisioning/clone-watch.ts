import { hash } from 'node:crypto';
import { FingerprintTable } from '@flotilla/signing';

/** A million devices at half full. */
const DEFAULT_CAPACITY = 2 ** 21;

/**
 * Tells one identity in two places. Each run of an agent has a random name, and a run that has ended
 * does not come back: when the one before the present is heard again, two run at once. 16 bytes a
 * device, in this replica's memory; two copies that poll meet here within a few polls.
 */
export class CloneWatch {
  readonly #runs: FingerprintTable;

  constructor(capacity = DEFAULT_CAPACITY) {
    this.#runs = new FingerprintTable({ capacity, keyWords: 2, valueWords: 2 });
  }

  /** True when this request shows a clone. */
  sees(deviceId: string, bootId: string): boolean {
    const run = nameOf(bootId);
    const [current = 0, previous = 0] = this.#runs.find(deviceId) ?? [];
    if (run === current) return false;
    this.#runs.set(deviceId, [run, current]);
    return run === previous;
  }

  /** An operator looked at it: what was heard so far counts no more. */
  forget(deviceId: string): void {
    this.#runs.set(deviceId, [0, 0]);
  }
}

function nameOf(bootId: string): number {
  return Number.parseInt(hash('sha256', bootId).slice(0, 8), 16);
}
