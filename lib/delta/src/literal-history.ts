const RING_BITS = 20;
const RING_MASK = (1 << RING_BITS) - 1;
const INDEX_BITS = 16;
const MAX_CONFIDENCE = 15;

/**
 * The last MiB of literals and of the base they replaced, with an index by four bytes: where these
 * bytes stood before, the byte that came next is expected to come again.
 */
export class LiteralHistory {
  readonly #ring = new Uint8Array(1 << RING_BITS);
  readonly #index = new Int32Array(1 << INDEX_BITS).fill(-1);
  #size = 0;
  #match = -1;
  #matched = 0;
  #lastAdded = 0;

  /** Takes in base bytes without looking for a match. */
  add(bytes: Uint8Array): void {
    let last4 = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      last4 = (last4 << 8) | byte;
      this.#store(byte);
      if (i >= 3) this.#index[slotOf(last4)] = this.#size;
    }
    this.#match = -1;
    this.#matched = 0;
  }

  /** Looks for what followed the four bytes just before a run of literals. */
  resume(last4: number): void {
    this.#lastAdded = 0;
    this.#find(last4);
  }

  push(byte: number, last4: number): void {
    const hit = this.#match >= 0 && this.#ring[this.#match & RING_MASK] === byte;
    this.#store(byte);
    this.#lastAdded++;
    if (hit) {
      this.#match++;
      this.#matched++;
    } else {
      this.#match = -1;
      this.#matched = 0;
    }
    if (this.#match < 0) this.#find(last4);
    if (this.#lastAdded >= 4) this.#index[slotOf(last4)] = this.#size;
  }

  /** The byte foretold; means nothing while confidence is 0. */
  expected(): number {
    return this.#match < 0 ? 0 : (this.#ring[this.#match & RING_MASK] as number);
  }

  /** 0: nothing foretold; else grows with the bytes foretold rightly in a row, to 15. */
  confidence(): number {
    return this.#match < 0 ? 0 : Math.min(1 + this.#matched, MAX_CONFIDENCE);
  }

  #find(last4: number): void {
    const found = this.#index[slotOf(last4)] as number;
    if (found < 0 || found >= this.#size || this.#size - found > RING_MASK - 8) return;
    this.#match = found;
    this.#matched = 0;
  }

  #store(byte: number): void {
    this.#ring[this.#size & RING_MASK] = byte;
    this.#size++;
  }
}

function slotOf(last4: number): number {
  return Math.imul(last4, 0x9e3779b1) >>> (32 - INDEX_BITS);
}
