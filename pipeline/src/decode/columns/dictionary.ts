import { randomInt } from 'node:crypto';
import { ByteWriter } from '../byte-writer.ts';

const FIRST_SLOTS = 64;
/** So that nobody can choose words that all fall into one slot. */
const SEED = randomInt(2 ** 32);

/** The distinct words of a column, numbered from 0 as they come. */
export class Dictionary {
  /** Each behind its length, as the format has them. */
  readonly #words = new ByteWriter();
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #hashes: number[] = [];
  /** Open addressing; a number is kept as itself plus 1. */
  #slots = new Int32Array(FIRST_SLOTS);

  get size(): number {
    return this.#starts.length;
  }

  written(): Buffer {
    return this.#words.written();
  }

  /** Number of the word in these bytes. */
  indexOf(source: Uint8Array, start: number, length: number): number {
    let hash = SEED ^ length;
    for (let i = start; i < start + length; i += 1) {
      hash = Math.imul(hash ^ (source[i] ?? 0), 0x5bd1e995);
      hash ^= hash >>> 15;
    }
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const index = (slots[slot] ?? 0) - 1;
      if (index < 0) return this.#add(source, start, length, hash);
      if (this.#hashes[index] === hash && this.#equals(index, source, start, length)) return index;
    }
  }

  /** Takes the words of `other`; returns, by their numbers there, their numbers here. */
  addAll(other: Dictionary): Uint32Array {
    const bytes = other.#words.written();
    return Uint32Array.from(other.#starts, (start, index) =>
      this.indexOf(bytes, start, other.#lengths[index] ?? 0),
    );
  }

  #equals(index: number, source: Uint8Array, start: number, length: number): boolean {
    if (this.#lengths[index] !== length) return false;
    return this.#words.matches(this.#starts[index] ?? 0, source, start, length);
  }

  #add(source: Uint8Array, start: number, length: number, hash: number): number {
    const index = this.#starts.length;
    this.#words.bytesText(source, start, length);
    this.#starts.push(this.#words.length - length);
    this.#lengths.push(length);
    this.#hashes.push(hash);
    if ((index + 1) * 2 > this.#slots.length) this.#grow();
    else this.#put(index, hash);
    return index;
  }

  #put(index: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = index + 1;
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2);
    for (const [index, hash] of this.#hashes.entries()) this.#put(index, hash);
  }
}
