const MAX_INDEX_BITS = 16;
const MAX_CONFIDENCE = 15;

/**
 * The last literals and of the base they replaced, with an index by four bytes: where these
 * bytes stood before, the byte that came next is expected to come again.
 */
export class LiteralHistory {
  readonly #ring: Uint8Array;
  readonly #ringMask: number;
  readonly #indexBits: number;
  /** Where the byte after these four went, plus one; 0 is nowhere. */
  readonly #index: Int32Array;
  #size = 0;
  #match = -1;
  #matched = 0;
  #lastAdded = 0;

  /** Holds 4 x 2^tableBits bytes: 1 MiB where the models have 2^18 slots. */
  constructor(tableBits: number) {
    this.#ring = new Uint8Array(4 << tableBits);
    this.#ringMask = this.#ring.length - 1;
    this.#indexBits = Math.min(tableBits, MAX_INDEX_BITS);
    this.#index = new Int32Array(1 << this.#indexBits);
  }

  /** Takes in base bytes without looking for a match. */
  add(bytes: Uint8Array): void {
    let last4 = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      last4 = (last4 << 8) | byte;
      this.#store(byte);
      if (i >= 3) this.#index[this.#slotOf(last4)] = this.#size + 1;
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
    const hit = this.#match >= 0 && this.#ring[this.#match & this.#ringMask] === byte;
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
    if (this.#lastAdded >= 4) this.#index[this.#slotOf(last4)] = this.#size + 1;
  }

  /** The byte foretold; means nothing while confidence is 0. */
  expected(): number {
    return this.#match < 0 ? 0 : (this.#ring[this.#match & this.#ringMask] as number);
  }

  /** 0: nothing foretold; else grows with the bytes foretold rightly in a row, to 15. */
  confidence(): number {
    return this.#match < 0 ? 0 : Math.min(1 + this.#matched, MAX_CONFIDENCE);
  }

  #find(last4: number): void {
    const found = (this.#index[this.#slotOf(last4)] as number) - 1;
    if (found < 0 || found >= this.#size || this.#size - found > this.#ringMask - 8) return;
    this.#match = found;
    this.#matched = 0;
  }

  #store(byte: number): void {
    this.#ring[this.#size & this.#ringMask] = byte;
    this.#size++;
  }

  #slotOf(last4: number): number {
    return Math.imul(last4, 0x9e3779b1) >>> (32 - this.#indexBits);
  }
}
