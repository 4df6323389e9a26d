import { hash, randomBytes } from 'node:crypto';

/** Entries that one fingerprint may lie in; the table forgets one of them when all are taken. */
const WAYS = 8;

export interface FingerprintTableOptions {
  /** Entries; a power of two, at least 8. Half full it forgets next to nothing. */
  readonly capacity: number;
  /** 32-bit words of a fingerprint, 1 to 4: four where a stranger chooses the strings. */
  readonly keyWords: number;
  /** 32-bit numbers kept with each. */
  readonly valueWords: number;
}

/**
 * Numbers kept by string, for a million strings in a few dozen bytes each: a string is known by its
 * SHA-256 under a key of this process, cut short, so nobody outside can look for two that are alike.
 * Memory is fixed and taken as it is used; a full table forgets. Lookups are constant in time.
 */
export class FingerprintTable {
  readonly #key = randomBytes(16).toString('base64');
  readonly #keyWords: number;
  readonly #stride: number;
  readonly #bucketMask: number;
  readonly #words: Uint32Array;
  readonly #print: Uint32Array;
  #turn = 0;

  constructor({ capacity, keyWords, valueWords }: FingerprintTableOptions) {
    const buckets = capacity / WAYS;
    if (buckets < 1 || !Number.isInteger(Math.log2(buckets)))
      throw new RangeError(`capacity is ${capacity}`);
    this.#keyWords = keyWords;
    this.#stride = keyWords + valueWords;
    this.#bucketMask = buckets - 1;
    this.#words = new Uint32Array(capacity * this.#stride);
    this.#print = new Uint32Array(keyWords + 1);
  }

  /** The numbers of this string, to be read before the next call; null when it is not known. */
  find(text: string): Uint32Array | null {
    const at = this.#locate(text);
    if (at === null) return null;
    return this.#words.subarray(at + this.#keyWords, at + this.#stride);
  }

  /** Keeps the numbers for this string, in place of what it had. */
  set(text: string, values: readonly number[]): void {
    const at = this.#locate(text) ?? this.#placeFor();
    this.#words.set(this.#print.subarray(0, this.#keyWords), at);
    this.#words.set(values, at + this.#keyWords);
  }

  /** Takes the fingerprint, which stays in `#print`, and looks for it. */
  #locate(text: string): number | null {
    this.#fingerprint(text);
    const start = this.#bucket();
    for (let way = 0; way < WAYS; way += 1) {
      const at = start + way * this.#stride;
      if (this.#isAt(at)) return at;
    }
    return null;
  }

  #placeFor(): number {
    const start = this.#bucket();
    for (let way = 0; way < WAYS; way += 1) {
      const at = start + way * this.#stride;
      if (this.#words[at] === 0) return at;
    }
    this.#turn = (this.#turn + 1) % WAYS;
    return start + this.#turn * this.#stride;
  }

  #bucket(): number {
    const choice = this.#print[this.#keyWords] ?? 0;
    return (choice & this.#bucketMask) * WAYS * this.#stride;
  }

  #isAt(at: number): boolean {
    for (let i = 0; i < this.#keyWords; i += 1) {
      if (this.#words[at + i] !== this.#print[i]) return false;
    }
    return true;
  }

  /** One word more than is kept: it chooses the bucket. A first word of 0 marks an empty entry. */
  #fingerprint(text: string): void {
    const digest = hash('sha256', this.#key + text, 'binary');
    for (let i = 0, at = 0; i <= this.#keyWords; i += 1, at += 4) {
      this.#print[i] =
        (digest.charCodeAt(at) << 24) |
        (digest.charCodeAt(at + 1) << 16) |
        (digest.charCodeAt(at + 2) << 8) |
        digest.charCodeAt(at + 3);
    }
    if (this.#print[0] === 0) this.#print[0] = 1;
  }
}
