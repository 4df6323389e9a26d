/** Batches seen last, by device and batch id; beyond `maxBatches` the oldest are forgotten. */
export class RecentBatches {
  readonly #maxBatches: number;
  readonly #seen = new Set<string>();

  constructor(maxBatches: number) {
    this.#maxBatches = maxBatches;
  }

  /** False when it was seen before. */
  add(deviceId: string, batchId: string): boolean {
    const id = `${deviceId}/${batchId}`;
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > this.#maxBatches) {
      const oldest = this.#seen.values().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    return true;
  }
}
