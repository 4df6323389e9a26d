/** A share of the budget; giving it back twice is harmless. */
export interface ByteLease {
  resize(sizeBytes: number): void;
  release(): void;
}

/**
 * Bounds what all partitions together hold prepared. A share is taken before its size is known and
 * corrected afterwards, so the bound may be passed by what one share came out larger.
 */
export class ByteBudget {
  readonly maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Null while there is no room; when nothing is taken there always is, else nothing would ever move. */
  take(sizeBytes: number): ByteLease | null {
    if (this.#usedBytes > 0 && this.#usedBytes + sizeBytes > this.maxBytes) return null;
    let heldBytes = sizeBytes;
    this.#usedBytes += heldBytes;
    const resize = (bytes: number) => {
      this.#usedBytes += bytes - heldBytes;
      heldBytes = bytes;
    };
    let isReleased = false;
    return {
      resize: (bytes) => {
        if (!isReleased) resize(bytes);
      },
      release: () => {
        if (!isReleased) resize(0);
        isReleased = true;
      },
    };
  }
}
