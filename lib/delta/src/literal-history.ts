import type { TargetHistory } from './target-history.ts';

const MAX_VERIFIED = 32;
const MAX_LENGTH = 65535;
/** A match is followed through so many wrong bytes in a row while nothing better is found. */
const MAX_MISSES = 8;
const MIN_INDEX_BITS = 12;
const MAX_INDEX_BITS = 19;

/** Follows one earlier occurrence of what was written last. */
export class Follower {
  /** Place in the history of the byte foretold; -1 is none. */
  at = -1;
  /** Bytes that agreed up to here, 0 right after a miss. */
  length = 0;
  misses = 0;
  /** Place behind the last occurrence of some bytes, by their hash, plus one; 0 is nowhere. */
  index = new Int32Array(0);
  /** As many bytes must agree for a match to be taken up. */
  readonly minLength: number;
  /** From here on it is not given up for another. */
  readonly keepLength: number;

  constructor(minLength: number, keepLength: number) {
    this.minLength = minLength;
    this.keepLength = keepLength;
  }

  follow(at: number): void {
    this.at = at;
    this.length = 0;
    this.misses = 0;
  }
}

/**
 * A piece of base and the literals of the block so far. Where the last bytes stood before, the byte
 * that came next is expected to come again: once by eight bytes, once by four.
 */
export class LiteralHistory {
  readonly long = new Follower(8, 16);
  readonly short = new Follower(4, 8);
  readonly #tableBits: number;
  readonly #ringMask: number;
  /** The base's piece, then a ring of 4 x 2^tableBits literals. */
  #bytes = new Uint8Array(0);
  #baseFrom = 0;
  #baseSize = 0;
  #ringSize = 0;
  #shift = 32;

  constructor(tableBits: number) {
    this.#tableBits = tableBits;
    this.#ringMask = (4 << tableBits) - 1;
  }

  /** Starts anew; the caller fills the bytes returned with that piece of base, then calls `start`. */
  reset(baseFrom: number, baseSize: number): Uint8Array {
    const size = baseSize + this.#ringMask + 1;
    if (this.#bytes.length !== size) this.#bytes = new Uint8Array(size);
    else this.#bytes.fill(0);
    const wanted = Math.max(this.#tableBits, 32 - Math.clz32(baseSize));
    const bits = Math.max(MIN_INDEX_BITS, Math.min(wanted, MAX_INDEX_BITS));
    this.#shift = 32 - bits;
    for (const follower of [this.long, this.short]) {
      if (follower.index.length !== 1 << bits) follower.index = new Int32Array(1 << bits);
      else follower.index.fill(0);
      follower.follow(-1);
    }
    this.#baseFrom = baseFrom;
    this.#baseSize = baseSize;
    this.#ringSize = 0;
    return this.#bytes.subarray(0, baseSize);
  }

  start(): void {
    this.#indexBase(0, this.#baseSize);
  }

  /**
   * Before a run of literals: the base that they replace, from `baseOffset` on, is what they
   * resemble most, so its `length` bytes win over other places, and it is followed at first.
   */
  resume(
    baseOffset: number,
    length: number,
    target: Uint8Array,
    at: number,
    last: TargetHistory,
  ): void {
    const from = baseOffset - this.#baseFrom;
    const isHeld = from >= 0 && from < this.#baseSize;
    if (isHeld) this.#indexBase(from, Math.min(from + length, this.#baseSize));
    this.long.follow(isHeld ? from : -1);
    this.short.follow(isHeld ? from : -1);
    this.#find(this.long, this.#hash8(last.last4, last.before4), target, at);
    this.#find(this.short, this.#hash4(last.last4), target, at);
  }

  /** Takes in a literal; `at` is the place behind it in `target`, and `last` ends with it. */
  push(byte: number, target: Uint8Array, at: number, last: TargetHistory): void {
    this.#follow(this.long, byte);
    this.#follow(this.short, byte);
    const place = this.#baseSize + (this.#ringSize & this.#ringMask);
    this.#bytes[place] = byte;
    this.#ringSize++;
    const hash8 = this.#hash8(last.last4, last.before4);
    const hash4 = this.#hash4(last.last4);
    if (this.long.length < this.long.keepLength) this.#find(this.long, hash8, target, at);
    if (this.short.length < this.short.keepLength) this.#find(this.short, hash4, target, at);
    this.long.index[hash8] = place + 2;
    this.short.index[hash4] = place + 2;
  }

  /** The byte foretold; means nothing while `at` is -1. */
  expected(follower: Follower): number {
    return follower.at < 0 ? 0 : (this.#bytes[follower.at] as number);
  }

  #indexBase(from: number, to: number): void {
    let last4 = 0;
    let before4 = 0;
    for (let i = Math.max(from - 8, 0); i < to; i++) {
      before4 = (before4 << 8) | (last4 >>> 24);
      last4 = (last4 << 8) | (this.#bytes[i] as number);
      if (i < from) continue;
      this.short.index[this.#hash4(last4)] = i + 2;
      this.long.index[this.#hash8(last4, before4)] = i + 2;
    }
  }

  #follow(follower: Follower, byte: number): void {
    if (follower.at < 0) return;
    if (this.#bytes[follower.at] === byte) {
      follower.length = Math.min(follower.length + 1, MAX_LENGTH);
      follower.misses = 0;
    } else {
      follower.length = 0;
      follower.misses++;
    }
    follower.at++;
    const isAtEnd = follower.at === this.#baseSize || follower.at >= this.#bytes.length;
    if (follower.misses > MAX_MISSES || isAtEnd) follower.at = -1;
  }

  #find(follower: Follower, hash: number, target: Uint8Array, at: number): void {
    const candidate = (follower.index[hash] as number) - 1;
    if (candidate <= 0 || candidate === follower.at || candidate >= this.#bytes.length) return;
    const most = Math.min(MAX_VERIFIED, candidate, at);
    let length = 0;
    while (length < most && this.#bytes[candidate - 1 - length] === target[at - 1 - length]) {
      length++;
    }
    if (length < follower.minLength || length <= follower.length) return;
    follower.follow(candidate);
    follower.length = length;
  }

  #hash4(last4: number): number {
    return Math.imul(last4, 0x9e3779b1) >>> this.#shift;
  }

  #hash8(last4: number, before4: number): number {
    const sum = (Math.imul(last4, 0x9e3779b1) + Math.imul(before4, 0x85ebca6b)) | 0;
    return Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> this.#shift;
  }
}
